"""The least a release must reach, whatever its baseline does: the rows of --min_metric.

A floor is met when the one-sided bound of the metric is on its good side: Wilson's where examples
are right or wrong, else of a bootstrap. Of an error the floor is a ceiling.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfedge.device.scorecard import wilson_interval
from tfedge.release.gate import by_metric
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, Check, in_words, spoken
from tfedge.release.statistics import bootstrap

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric
    from tfedge.device.scorecard import Scorecard

NAME = "min_metric"
FLAG = by_metric.Flag(
    "--min_metric", "floor", "For example 0.9, or accuracy:class=0.9,mean_absolute_error:box=4."
)


def check(
    scorecard: "Scorecard", floors: by_metric.Numbers, alpha: float, seed: int
) -> Iterator[Check]:
    """One row for each floor.

    Args:
        scorecard: of a candidate that ran, with or without a baseline.
        floors: by metric; "" is the first.
        alpha: one-sided error of each bound.
        seed: of the bootstrap.

    Raises:
        BadInput: a floor of a metric that is not judged.
    """
    first = scorecard.judged_by
    if first is None or scorecard.candidate_outputs is None or scorecard.targets is None:
        return
    metrics = {each.name: each for each in (first, *scorecard.also_judged_by)}
    FLAG.check_judged(floors, metrics)
    for name, floor in floors.items():
        yield _row(scorecard, metrics[name or first.name], floor, alpha, seed)


def _row(scorecard: "Scorecard", metric: "Metric", floor: float, alpha: float, seed: int) -> Check:
    value, sure, method = _bound(scorecard, metric, alpha, seed)
    sign = 1 if metric.higher_is_better else -1
    outcome = INSUFFICIENT_DATA
    if not sign * value >= sign * floor:  # no number is not enough either
        outcome = FAIL
    elif sign * sure >= sign * floor:
        outcome = PASS
    most = "least" if metric.higher_is_better else "most"
    words = {
        PASS: "it is met",
        FAIL: "it is not met",
        INSUFFICIENT_DATA: "more held-out examples have to show it",
    }
    reason = (
        f"{spoken(metric.name)} {value:.4g}; at {most} {floor:.4g} was asked for, and with "
        f"{1 - alpha:.0%} certainty ({method}) it is at {most} {sure:.4g}: {words[outcome]}."
    )
    heading = f"{NAME.replace('_', ' ')}: {in_words(metric.name)}"
    return Check(f"{NAME}: {metric.name}", value, floor, outcome, reason, heading=heading)


def _bound(
    scorecard: "Scorecard", metric: "Metric", alpha: float, seed: int
) -> tuple[float, float, str]:
    """The metric of this model, its one-sided bound on the worse side, and how that was found."""
    outputs, y = scorecard.candidate_outputs, scorecard.targets
    assert outputs is not None and y is not None  # as `check` made sure
    is_first = metric is scorecard.judged_by
    right = (
        scorecard.candidate_correct if is_first else metric.correct and metric.correct(outputs, y)
    )
    if right is not None:
        share = float(np.mean(right))
        return share, wilson_interval(share, len(right), 1 - 2 * alpha)[0], "Wilson"
    value, (low, high) = bootstrap.interval(metric, outputs, y, alpha=alpha, seed=seed)
    return value, low if metric.higher_is_better else high, "bootstrap"
