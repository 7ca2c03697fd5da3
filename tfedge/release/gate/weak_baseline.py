"""A release is compared with its baseline: the row that says so where that is a poor one."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfedge.release.gate.check import REPORTED, Check, in_words

if TYPE_CHECKING:
    from tfedge.device.scorecard import MetricValue, Scorecard

NAME = "baseline"
_LITTLE = 0.4  # of the way from guessing to perfect
_HALF = 0.5  # of the answers


def check(scorecard: "Scorecard") -> Iterator[Check]:
    """One row, with a note, for each metric in which the baseline itself is near guessing or low.

    Nothing fails by it: what is good enough is said by --min_metric.
    """
    first = (scorecard.metric,) if scorecard.metric else ()
    for metric in (*first, *scorecard.more_metrics):
        words = _weakness(metric)
        if words:
            said = f"baseline itself is weak ({words}): as good as that may not be good enough"
            reason = f"The {said}; --min_metric sets the least that may ship."
            name, value = f"{NAME}: {metric.name}", metric.baseline
            heading = f"{NAME}: {in_words(metric.name)}"
            yield Check(name, value, None, REPORTED, reason, f"the {said}", heading)


def _weakness(metric: "MetricValue") -> str:
    """Why it is weak, in words; "" where it is not, or nobody can say."""
    before, chance = metric.baseline, metric.chance
    if before is None or not math.isfinite(before):
        return ""
    name, is_share = in_words(metric.name), metric.paired is not None
    said = f"{name} {before:.1%}" if is_share else f"{name} {before:.4g}"
    guessed = "" if chance is None else f"{chance:.1%}" if is_share else f"{chance:.4g}"
    way = _way(before, chance, metric.higher_is_better)
    if way is not None and way < _LITTLE:
        return f"{said} where guessing reaches {guessed}"
    return said if is_share and before < _HALF else ""


def _way(value: float, chance: float | None, higher_is_better: bool) -> float | None:
    """How far from guessing, 0, to perfect, 1; below 0 where guessing is better.

    A metric is at most 1, an error at least 0.
    """
    if chance is None or not math.isfinite(chance):
        return None
    room = 1 - chance if higher_is_better else chance
    ahead = value - chance if higher_is_better else chance - value
    return None if room <= 0 else ahead / room
