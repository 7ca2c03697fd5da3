"""The least a release must reach, whatever its baseline does: the rows of --min_metric.

A floor is met when the one-sided bound of the metric is on its good side: Wilson's where examples
are right or wrong, else of a bootstrap. Of an error the floor is a ceiling.
"""

import math
import numbers
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfedge import errors
from tfedge.data import metric_text, metrics
from tfedge.device.scorecard import wilson_interval
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, Check, in_words, spoken
from tfedge.release.statistics import bootstrap

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric
    from tfedge.device.scorecard import Scorecard

NAME = "min_metric"
Floors = Mapping[str, float]
_FLAG = "--min_metric"
_EXAMPLE = "For example 0.9, or accuracy:class=0.9,mean_absolute_error:box=4."


def parse(text: str) -> Floors:
    """Metric name -> floor, of "0.9" (the first metric, "") or "accuracy:class=0.9,auc:b=0.8".

    Raises:
        BadInput: what is no number, or two floors of one metric.
    """
    found: dict[str, float] = {}
    for part in metric_text.split(text):
        name, _, number = part.rpartition("=")
        try:
            floor = float(number)
        except ValueError as error:
            raise errors.BadInput(
                f"{_FLAG}={text}", f"{number!r} is no number", _EXAMPLE
            ) from error
        if name in found:
            raise errors.BadInput(
                f"{_FLAG}={text}", f"{name or 'the first metric'} has two floors", _EXAMPLE
            )
        found[name] = floor
    return as_mapping(found)


def as_mapping(given: float | Floors | None) -> Floors:
    """A single number stands for the first metric.

    Raises:
        BadInput: a floor that is no finite number.
    """
    found = given if isinstance(given, Mapping) else {} if given is None else {"": given}
    for name, floor in found.items():
        is_number = isinstance(floor, numbers.Real) and not isinstance(floor, bool)
        if not is_number or not math.isfinite(floor):
            where = f"{_FLAG} {name}".strip()
            raise errors.BadInput(where, f"expected a number, got {floor!r}", _EXAMPLE)
    return found


def check_names(floors: float | Floors | None, judged: Iterable[str]) -> None:
    """Raises BadInput for a floor of a metric that is not judged."""
    known = list(judged)
    for name in as_mapping(floors):
        if name and name not in known:
            raise errors.BadInput(
                f"{_FLAG} {name}",
                f"that metric is not judged; these are: {', '.join(known)}",
                "Name one of them, or ask for it by ?metric= or Task(more_metrics=...).",
            )


def check_known(floors: float | Floors | None) -> None:
    """Raises BadInput for a floor of a metric that no task of a built-in kind has."""
    for name in as_mapping(floors):
        if name:
            metrics.check_name(metric_text.parse(name).name, _FLAG)


def check(scorecard: "Scorecard", floors: Floors, alpha: float, seed: int) -> Iterator[Check]:
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
    check_names(floors, metrics)
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
