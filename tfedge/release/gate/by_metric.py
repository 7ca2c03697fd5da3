"""Numbers for metrics as people give them: "0.9", "accuracy:class=0.9,auc:b=0.8", or a mapping."""

import dataclasses
import math
import numbers
from collections.abc import Iterable, Mapping

from tfedge import errors
from tfedge.data import metric_text, metrics

Numbers = Mapping[str, float]  # metric -> number; "" is the one that was given without a metric


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag that takes such numbers.

    Attributes:
        name: of the flag, for messages.
        one: what one number is, such as "floor".
        example: of what to write.
    """

    name: str
    one: str
    example: str

    def parse(self, text: str) -> Numbers:
        """Metric -> number.

        Raises:
            BadInput: what is no number, or two of one metric.
        """
        found: dict[str, float] = {}
        for part in metric_text.split(text):
            metric, _, written = part.rpartition("=")
            try:
                number = float(written)
            except ValueError as error:
                cause = f"{written!r} is no number"
                raise errors.BadInput(f"{self.name}={text}", cause, self.example) from error
            if metric in found:
                cause = f"{metric or 'what names no metric'} has two {self.one}s"
                raise errors.BadInput(f"{self.name}={text}", cause, self.example)
            found[metric] = number
        return self.mapping(found)

    def mapping(self, given: float | Numbers | None) -> Numbers:
        """The same of what Python code gives.

        Raises:
            BadInput: what is no finite number.
        """
        found = given if isinstance(given, Mapping) else {} if given is None else {"": given}
        for metric, number in found.items():
            is_number = isinstance(number, numbers.Real) and not isinstance(number, bool)
            if not is_number or not math.isfinite(number):
                where = f"{self.name} {metric}".strip()
                raise errors.BadInput(where, f"expected a number, got {number!r}", self.example)
        return found

    def check_known(self, given: float | Numbers | None) -> None:
        """Raises BadInput for a metric that no task of a built-in kind has."""
        for metric in self.mapping(given):
            if metric:
                metrics.check_name(metric_text.parse(metric).name, self.name)

    def check_judged(self, given: float | Numbers | None, judged: Iterable[str]) -> None:
        """Raises BadInput for a metric that is not judged."""
        known = list(judged)
        for metric in self.mapping(given):
            if metric and metric not in known:
                raise errors.BadInput(
                    f"{self.name} {metric}",
                    f"that metric is not judged; these are: {', '.join(known)}",
                    "Name one of them, or ask for it by ?metric= or Task(more_metrics=...).",
                )
