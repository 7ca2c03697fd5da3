"""The interval of the metric's difference to the baseline, drawn on an axis with numbers."""

import dataclasses
import math
from typing import TYPE_CHECKING

from tfedge.release.gate.check import in_words
from tfedge.release.report import axis, wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

_PAD = 0.08  # of the range, on either side


@dataclasses.dataclass(frozen=True)
class DifferencePlot:
    """Places are per cent of the width.

    Attributes:
        low, high, value, limit, zero: where these lie.
        zone: from where to where the metric may change.
        ticks: (place, what is written there).
        unit: of what is written.
        limit_text: the accepted difference.
        label: all of it in words.
    """

    low: float
    high: float
    value: float
    limit: float
    zero: float
    zone: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    unit: str
    limit_text: str
    label: str


def of(facts: "Facts") -> DifferencePlot | None:
    """None without a baseline, or where one of the numbers is none."""
    found, metric = facts.verdict.difference, facts.scores.get("metric")
    if found is None or not metric:
        return None
    factor = 100 if wording.is_share(metric) else 1
    spots = {key: factor * getattr(found, key) for key in ("low", "high", "value", "limit")}
    if not all(map(math.isfinite, spots.values())):
        return None
    spots["zero"] = 0.0
    left, right = min(spots.values()), max(spots.values())
    pad = _PAD * (right - left) or 1.0
    start, length = left - pad, right - left + 2 * pad

    def place(value: float) -> float:
        return round(100 * (value - start) / length, 2)

    def say(value: float) -> str:
        return wording.difference(metric, value)

    numbers = axis.ticks(start, start + length)
    at = {key: place(value) for key, value in spots.items()}
    return DifferencePlot(
        **at,
        zone=(at["limit"], 100.0) if found.limit <= 0 else (0.0, at["limit"]),
        ticks=tuple(zip(map(place, numbers), axis.labels(numbers, signed=True), strict=True)),
        unit="points" if factor == 100 else "",
        limit_text=say(found.limit),
        label=(
            f"Difference of {in_words(metric['name'])} to the baseline: "
            f"{say(found.value)}, between {say(found.low)} and {say(found.high)} "
            f"({found.method}, {1 - found.alpha:.0%} on each side)."
        ),
    )
