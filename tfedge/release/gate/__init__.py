"""Scorecard and limits in, verdict out: may this model be shipped?

Accuracy is judged by a paired test against the baseline, size and memory against the phone class,
latency and energy by what a phone measured, or an estimate where that is clear. The host's latency
says nothing about a phone's and is reported, never judged.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfedge.device.scorecard import Scorecard
from tfedge.release.gate import (
    cost_checks,
    file_checks,
    floors,
    group_check,
    holdout_check,
    margins,
    metric_check,
    weak_baseline,
)
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, REPORTED, Check, in_words
from tfedge.release.gate.holdout_uses import Use
from tfedge.release.gate.limits import Limits
from tfedge.release.gate.verdict import Verdict
from tfedge.release.statistics import paired

if TYPE_CHECKING:
    from tfedge.data import metrics

INPUT_MODEL = "input_model"


def gate(
    scorecard: Scorecard,
    limits: Limits | None = None,
    near_duplicates: np.ndarray | None = None,
    use: Use | None = None,
    trained_on: str = "",
) -> Verdict:
    """Judges a scorecard.

    FAIL if any check failed; else INSUFFICIENT_DATA if any could not be decided; else PASS.

    Args:
        scorecard: of `tfedge.evaluate`.
        limits: None for those of the scorecard's own phone class.
        near_duplicates: indices of held-out examples that look like training ones; the metric is
            then judged without them as well.
        use: how often the held-out set was used before; see `holdout_uses.record`.
        trained_on: whether training saw the held-out examples, in words; see `trained_on`.

    Raises:
        BadInput: a floor or margin of a metric that is not judged.
    """
    limits = limits or Limits.from_profile(scorecard.profile)
    if scorecard.judged_by is not None:
        judged = [each.name for each in (scorecard.judged_by, *scorecard.also_judged_by)]
        margins.FLAG.check_judged(limits.margin, judged)
    metric, difference = _metric(scorecard, limits, None)
    changes = group_check.changes(scorecard, limits.group_margin, limits.alpha)
    checks = [
        file_checks.runs(scorecard),
        *([] if scorecard.failure else [metric]),
        *_more_metrics(scorecard, limits),
        *_beside(scorecard.beside, limits),
        *_unjudged(scorecard),
        *floors.check(scorecard, floors.FLAG.mapping(limits.min_metric), limits.alpha, limits.seed),
        *weak_baseline.check(scorecard),
        *group_check.check(changes, limits.group_margin, limits.alpha),
        *group_check.check_means(scorecard, limits.group_margin, limits.alpha),
        *_without(scorecard, limits, near_duplicates),
        *_uses(scorecard, limits, use),
        *([Check("trained_on", None, None, REPORTED, _sentence(trained_on))] if trained_on else []),
        file_checks.file_size(scorecard, limits),
        *file_checks.memory(scorecard, limits),
        *file_checks.operators(scorecard, limits),
        *file_checks.holds(scorecard),
        *file_checks.host_latency(scorecard),
        *_costs(scorecard, limits),
    ]
    outcomes = {check.outcome for check in checks}
    outcome = next((worst for worst in (FAIL, INSUFFICIENT_DATA) if worst in outcomes), PASS)
    power = _power(scorecard, limits)
    return Verdict(outcome, tuple(checks), difference, changes, power)


def _metric(
    scorecard: Scorecard,
    limits: Limits,
    chosen: np.ndarray | None,
    by: "metrics.Metric | None" = None,
    versus: str = "baseline",
) -> tuple[Check, metric_check.Difference | None]:
    judged = by or scorecard.judged_by
    return metric_check.check(
        scorecard,
        margin=limits.margin_of(judged.name if judged else ""),
        alpha=limits.alpha,
        seed=limits.seed,
        chosen=chosen,
        by=by,
        versus=versus,
    )


def _more_metrics(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    """All must pass, so each is tested at the full alpha (intersection-union test)."""
    for each in scorecard.also_judged_by:
        check, _ = _metric(scorecard, limits, None, each)
        heading = f"{check.spoken_name}: {in_words(each.name)}"
        yield dataclasses.replace(check, name=f"{check.name}: {each.name}", heading=heading)


def _beside(scorecard: Scorecard | None, limits: Limits) -> Iterator[Check]:
    """The comparison with the input model, where another one decides."""
    if scorecard is None:
        return
    for by in (None, *scorecard.also_judged_by):
        check, _ = _metric(scorecard, limits, None, by, "input model")
        name = INPUT_MODEL if by is None else f"{INPUT_MODEL}: {by.name}"
        lost = "it is worse than the input model by more than the margin"
        yield dataclasses.replace(
            check,
            name=name,
            outcome=REPORTED,
            reason=f"Beside the baseline, which decides. {check.reason}",
            note=lost if check.outcome == FAIL else "",
        )


def _unjudged(scorecard: Scorecard) -> Iterator[Check]:
    """Outputs that could have lost everything without a word."""
    names = ", ".join(map(repr, scorecard.unjudged))
    if names:
        several = len(scorecard.unjudged) > 1
        note = (
            f"{'outputs' if several else 'output'} {names} {'are' if several else 'is'} not judged"
        )
        reason = (
            f"No metric looks at {names}: Task.more_metrics takes one, such as accuracy:OUTPUT."
        )
        yield Check("unjudged", list(scorecard.unjudged), [], REPORTED, reason, note)


def _power(scorecard: Scorecard, limits: Limits) -> str:
    pairs = _pairs(scorecard)
    if pairs is None:
        return ""
    return _sentence(paired.power_statement(pairs, _first_margin(scorecard, limits), limits.alpha))


def _sentence(words: str) -> str:
    """With a capital, but for a name that has none."""
    return f"{words if words.startswith('tfedge ') else words[0].upper() + words[1:]}."


def _pairs(scorecard: Scorecard) -> paired.Pairs | None:
    metric = scorecard.metric
    return paired.Pairs(**metric.paired) if metric and metric.paired else None


def _first_margin(scorecard: Scorecard, limits: Limits) -> float:
    return limits.margin_of(scorecard.metric.name if scorecard.metric else "")


def _uses(scorecard: Scorecard, limits: Limits, use: Use | None) -> Iterator[Check]:
    if use is not None:
        yield from holdout_check.check(
            use, _pairs(scorecard), _first_margin(scorecard, limits), limits.alpha
        )


def _without(
    scorecard: Scorecard, limits: Limits, near_duplicates: np.ndarray | None
) -> Iterator[Check]:
    if scorecard.metric is None or near_duplicates is None or not len(near_duplicates):
        return
    cleaned = np.setdiff1d(np.arange(scorecard.metric.n), near_duplicates)
    check, _ = _metric(scorecard, limits, cleaned)
    reason = f"Without {len(near_duplicates):,} near duplicates of training data: {check.reason}"
    yield dataclasses.replace(check, name="metric_without_near_duplicates", reason=reason, note="")


def _costs(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    return cost_checks.check(
        scorecard,
        max_latency_ms=limits.max_latency_ms,
        max_energy_mj=limits.max_energy_mj,
        must_be_measured=limits.require_measured_latency,
        who=limits.who,
        own=limits.own,
    )
