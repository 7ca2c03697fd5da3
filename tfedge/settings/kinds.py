"""What a setting may be: a number in a range, a choice, a text, several of these."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Protocol

from tfedge import grammar


class Kind(Protocol):
    """What a setting may be."""

    def fits(self, value: Any) -> bool:
        """Whether this is such a value."""

    def words(self, name: str) -> str:
        """What is expected of the setting of this name: "0 < reduction < 1"."""


@dataclasses.dataclass(frozen=True)
class Real:
    """A finite number between bounds; each of them is open (above, below), closed, or not there."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        if type(value) not in (int, float) or not math.isfinite(value):
            return False
        lower = (self.above is None or value > self.above) and (
            self.at_least is None or value >= self.at_least
        )
        upper = (self.below is None or value < self.below) and (
            self.at_most is None or value <= self.at_most
        )
        return lower and upper

    def words(self, name: str) -> str:
        """See `Kind`."""
        low = f"{self.above:g} < " if self.above is not None else ""
        low = f"{self.at_least:g} <= " if self.at_least is not None else low
        high = f" < {self.below:g}" if self.below is not None else ""
        high = f" <= {self.at_most:g}" if self.at_most is not None else high
        if low and high:
            return f"{low}{name}{high}"
        if self.above is not None:
            return f"more than {self.above:g}"
        if self.at_least is not None:
            return f"a number of {self.at_least:g} or more"
        return f"{name}{high}" if high else "a number"


@dataclasses.dataclass(frozen=True)
class Whole:
    """A whole number of `least` up to `most`; without `most` up to any."""

    least: int
    most: int | None = None

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        most = math.inf if self.most is None else self.most
        return type(value) is int and self.least <= value <= most

    def words(self, name: str) -> str:
        """See `Kind`."""
        return f"a whole number of {self.least} " + (
            "or more" if self.most is None else f"to {self.most}"
        )


@dataclasses.dataclass(frozen=True)
class Flag:
    """True or False."""

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return isinstance(value, bool)

    def words(self, name: str) -> str:
        """See `Kind`."""
        return "True or False"


@dataclasses.dataclass(frozen=True)
class Text:
    """Text that is not empty, described as in "a name"; `empty` is allowed where it says so."""

    described: str = "text"
    empty: bool = False

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return isinstance(value, str) and (self.empty or bool(value))

    def words(self, name: str) -> str:
        """See `Kind`."""
        return self.described


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Any, ...]

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return any(type(value) is type(each) and value == each for each in self.values)

    def words(self, name: str) -> str:
        """See `Kind`."""
        shown = [grammar.literal(each) for each in self.values]
        return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"


@dataclasses.dataclass(frozen=True)
class Several:
    """A tuple of values of one kind: `count` of them, or any number from one up."""

    kind: Kind
    count: int | None = None

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        counted = isinstance(value, tuple | list) and len(value) == (
            self.count or max(1, len(value))
        )
        return counted and all(map(self.kind.fits, value))

    def words(self, name: str) -> str:
        """See `Kind`."""
        shown = ", ".join("abcdefgh"[: self.count]) if self.count else "a, b, ..."
        return f"({shown}), each {self.kind.words(name)}"


@dataclasses.dataclass(frozen=True)
class Table:
    """A dict from text to values of one kind, with an example of it."""

    kind: Kind
    example: str

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and self.kind.fits(each) for key, each in value.items()
        )

    def words(self, name: str) -> str:
        """See `Kind`."""
        return self.example


@dataclasses.dataclass(frozen=True)
class Either:
    """A value of any of several kinds."""

    kinds: tuple[Kind, ...]

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return any(kind.fits(value) for kind in self.kinds)

    def words(self, name: str) -> str:
        """See `Kind`."""
        return " or ".join(kind.words(name) for kind in self.kinds)


@dataclasses.dataclass(frozen=True)
class Anything:
    """Any plain value; who reads it says more."""

    def fits(self, value: Any) -> bool:
        """See `Kind`."""
        return True

    def words(self, name: str) -> str:
        """See `Kind`."""
        return "a value"


def optional(kind: Kind) -> Either:
    """Of this kind, or None."""
    return Either((kind, Choice((None,))))
