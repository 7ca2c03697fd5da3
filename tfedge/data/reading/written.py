"""What an option behind a question mark may be, and how its text is read."""

import abc
import dataclasses
import fractions
from typing import Any

from tfedge import patterns
from tfedge.data import kinds


class Written(abc.ABC):
    """One form of value; None, which nobody can write, leaves the source's own default."""

    example: str

    @abc.abstractmethod
    def read(self, text: str) -> Any:
        """The value; ValueError for text that is none."""

    @abc.abstractmethod
    def fits(self, value: Any) -> bool:
        """Whether this is such a value."""

    @abc.abstractmethod
    def words(self, name: str) -> str:
        """What is expected of the option of this name."""


@dataclasses.dataclass(frozen=True)
class Word(Written):
    """One of a few."""

    values: tuple[str | int, ...]

    @property
    def example(self) -> str:  # type: ignore[override]
        """The first of them."""
        return str(self.values[0])

    def read(self, text: str) -> str | int:
        """See `Written`."""
        return {str(value): value for value in self.values}[text]

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or value in self.values

    def words(self, name: str) -> str:
        """See `Written`."""
        return f"one of {', '.join(map(str, self.values))}"


@dataclasses.dataclass(frozen=True)
class KindName(Written):
    """A kind of task that all targets can be of."""

    example: str = "regression"

    def read(self, text: str) -> str:
        """See `Written`."""
        if text not in kinds.of_one():
            raise ValueError(text)
        return text

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or value in kinds.of_one()

    def words(self, name: str) -> str:
        """See `Written`."""
        return f"one of {', '.join(kinds.of_one())}"


@dataclasses.dataclass(frozen=True)
class Text(Written):
    """Any text."""

    example: str
    described: str

    def read(self, text: str) -> str:
        """See `Written`."""
        return text

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or isinstance(value, str)

    def words(self, name: str) -> str:
        """See `Written`."""
        return self.described


@dataclasses.dataclass(frozen=True)
class MetricNames(Text):
    """Metrics by name, as `metric_text` reads them."""

    def read(self, text: str) -> str:
        """See `Written`; a name that no metric has is refused before there is a task."""
        from tfedge.data import metric_text, metrics

        for part in metric_text.split(text):
            metrics.check_name(metric_text.parse(part).name)
        return text


@dataclasses.dataclass(frozen=True)
class Numbers(Written):
    """A number such as 1/255 or 0.5, or one for each channel with commas between."""

    example: str

    def read(self, text: str) -> float | tuple[float, ...]:
        """See `Written`."""
        numbers = tuple(float(fractions.Fraction(part)) for part in text.split(","))
        return numbers[0] if len(numbers) == 1 else numbers

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        numbers = value if isinstance(value, tuple) else (value,)
        return value is None or all(isinstance(each, int | float) for each in numbers)

    def words(self, name: str) -> str:
        """See `Written`."""
        return "a number, or one per channel"


@dataclasses.dataclass(frozen=True)
class WholeNumber(Written):
    """A whole number."""

    example: str = "0"

    def read(self, text: str) -> int:
        """See `Written`."""
        return int(text)

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or (isinstance(value, int) and not isinstance(value, bool))

    def words(self, name: str) -> str:
        """See `Written`."""
        return "a whole number"


@dataclasses.dataclass(frozen=True)
class Size(Written):
    """(height, width) in pixels."""

    example: str = "96x96"

    def read(self, text: str) -> tuple[int, int]:
        """See `Written`."""
        height, width = (int(part) for part in text.split("x"))
        if min(height, width) < 1:
            raise ValueError(text)
        return height, width

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or (isinstance(value, tuple) and len(value) == 2 and min(value) > 0)

    def words(self, name: str) -> str:
        """See `Written`."""
        return "HEIGHTxWIDTH in pixels"


@dataclasses.dataclass(frozen=True)
class Pattern(Written):
    """A regular expression."""

    example: str

    def read(self, text: str) -> patterns.Pattern:
        """See `Written`."""
        return patterns.Pattern(text)

    def fits(self, value: Any) -> bool:
        """See `Written`."""
        return value is None or isinstance(value, patterns.Pattern)

    def words(self, name: str) -> str:
        """See `Written`."""
        return f"a regular expression ({patterns.WITHOUT})"
