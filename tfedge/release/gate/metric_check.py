"""Is the metric within the margin of the baseline's? The row of the verdict that says so."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import splits
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, Check, in_words, spoken
from tfedge.release.statistics import bootstrap, paired

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric
    from tfedge.data.scoring import draws
    from tfedge.device.scorecard import Scorecard

NAME = "metric"
_LIKELY = 0.5  # a power below it: a model that loses nothing would rather not pass
_LITTLE = 0.44  # (1.645 / 2.486)^2 of the examples for a power of 80 % give one of 50 %
_BY_LUCK = "this pass leans on luck ({})"
_WORDS = {
    PASS: "no worse than the margin allows",
    FAIL: "worse than the margin allows",
    INSUFFICIENT_DATA: "not decided",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """Candidate minus baseline, in the metric's own units.

    Attributes:
        value: over all examples.
        low, high: the one-sided bounds at level `alpha`.
        limit: the last difference that is accepted, below 0 where more is better.
        alpha: one-sided error.
        method: how the bounds were found.
        needed: examples that would pass an equally good candidate with 80 % probability; None
            where no number would.
    """

    value: float
    low: float
    high: float
    limit: float
    alpha: float
    method: str
    needed: int | None = None


def check(
    scorecard: "Scorecard",
    *,
    margin: float,
    alpha: float,
    seed: int = 0,
    chosen: np.ndarray | None = None,
    by: "Metric | None" = None,
    versus: str = "baseline",
) -> tuple[Check, Difference | None]:
    """Compares the candidate with the baseline by the test that fits the metric.

    The check's value is the worst plausible change, negative where the metric got worse, and its
    limit the accepted one.

    Args:
        scorecard: with the outputs of both.
        margin: the accepted loss: a share of the examples where the metric counts right answers,
            else of the baseline's value.
        alpha: one-sided error.
        seed: of the bootstrap.
        chosen: indices of the held-out examples to compare on; None for all.
        by: another metric than the scorecard's first; the check is named after it.
        versus: what the baseline is called.
    """
    metric, rows = by or scorecard.judged_by, slice(None) if chosen is None else chosen
    before, ours, targets = (
        scorecard.baseline_outputs,
        scorecard.candidate_outputs,
        scorecard.targets,
    )
    if metric is None or before is None or ours is None or targets is None:
        reason = "There is no baseline to compare with: give one with --baseline."
        return Check(NAME, None, None, INSUFFICIENT_DATA, reason), None
    answers = _answers(scorecard, by)
    if answers is not None:
        pairs = paired.Pairs.count(*(each[rows] for each in answers))
        return _by_answers(metric.name, pairs, margin, alpha, versus)
    compared = _resample(
        metric,
        splits.pick(before, rows),
        splits.pick(ours, rows),
        splits.pick(targets, rows),
        margin=margin,
        alpha=alpha,
        seed=seed,
    )
    return _by_resampling(metric, compared, margin, alpha, versus)


def _answers(scorecard: "Scorecard", by: "Metric | None") -> tuple[np.ndarray, np.ndarray] | None:
    """Which examples the baseline and the candidate have right; None where that is no question."""
    before, ours = scorecard.baseline_correct, scorecard.candidate_correct
    if by is None:
        return None if before is None or ours is None else (before, ours)
    if by.correct is None:
        return None
    both = (scorecard.baseline_outputs, scorecard.candidate_outputs)
    before, ours = (by.correct(outputs, scorecard.targets) for outputs in both)
    return before, ours


def _by_answers(
    name: str, pairs: paired.Pairs, margin: float, alpha: float, versus: str
) -> tuple[Check, Difference | None]:
    """A share of right answers, by Tango's test."""
    outcome = paired.decide(pairs, margin, alpha)
    if not pairs.n:
        return Check(NAME, None, -margin, outcome, "There is no example to compare on."), None
    low, high = paired.tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, 2 * alpha)
    before, after = pairs.both + pairs.only_baseline, pairs.both + pairs.only_candidate
    change = (after - before) / pairs.n
    reason = (
        f"{spoken(name)} {after / pairs.n:.2%}, {versus} {before / pairs.n:.2%}, on the same "
        f"{pairs.n:,} examples: {_said(outcome, high >= -margin)}. The difference, "
        f"{_points(change)} points, lies between {_points(low)} and {_points(high)} "
        f"({1 - alpha:.0%} sure of each); "
        f"{_points(-margin)} is accepted. Only the {versus} has {pairs.only_baseline:,} right, "
        f"only this model {pairs.only_candidate:,}."
    )
    if outcome == INSUFFICIENT_DATA:
        words = paired.power_statement(pairs, margin, alpha)
        reason += f" {words[0].upper()}{words[1:]}."
    needed = _whole(paired.examples_needed(pairs.discordant_share, margin, alpha))
    difference = Difference(change, low, high, -margin, alpha, "Tango score interval", needed)
    power = paired.power(pairs.n, pairs.discordant_share, margin, alpha)
    few = f"{pairs.n:,} examples pass an equally good model with a probability of only {power:.0%}"
    notes = [_BY_LUCK.format(few)] if outcome == PASS and power < _LIKELY else []
    notes += [_gained(name, f"{_points(change)} points")] if low > 0 else []
    return Check(NAME, low, -margin, outcome, reason, "; ".join(notes)), difference


def _gained(name: str, change: str) -> str:
    """Compression takes information away; what it seems to add, something else added."""
    return (
        f"{in_words(name)} changed by {change} for the better, more "
        "than chance explains: that comes from more (or other) training, not from compression, and "
        "the baseline may have been stopped early"
    )


def _said(outcome: str, may_be_within: bool) -> str:
    """Enough examples that do not show it speak against a model; they do not prove it worse."""
    if outcome == FAIL and may_be_within:
        return (
            "not shown to be within the margin, as so many examples would show of a model that "
            f"loses nothing ({paired.POWER:.0%} of the time)"
        )
    return _WORDS[outcome]


def _resample(
    metric: "Metric",
    before: splits.Arrays,
    ours: splits.Arrays,
    targets: splits.Arrays,
    **settings: float,
) -> bootstrap.Comparison:
    """The paired bootstrap; what a metric can compute once for each example is."""
    return bootstrap.compare(
        _value,
        metric.prepared(before, targets),
        metric.prepared(ours, targets),
        np.arange(splits.count(targets)),
        higher_is_better=metric.higher_is_better,
        **settings,  # type: ignore[arg-type]
    )


def _by_resampling(
    metric: "Metric", compared: bootstrap.Comparison, margin: float, alpha: float, versus: str
) -> tuple[Check, Difference]:
    low, high = compared.interval
    better = 1 if metric.higher_is_better else -1
    worst, best = (low, high) if metric.higher_is_better else (0.0 - high, 0.0 - low)
    said = _said(compared.outcome, best >= -compared.limit)
    reason = (
        f"{spoken(metric.name)} {compared.candidate:.4g}, {versus} {compared.baseline:.4g} "
        f"({'higher' if metric.higher_is_better else 'lower'} is better), on the same "
        f"{compared.n:,} examples: {said}. The difference, "
        f"{compared.difference:+.3g}, lies between {low:+.3g} and {high:+.3g} "
        f"({1 - alpha:.0%} sure of each); {-better * compared.limit:+.3g}, {margin:.2%} of the "
        f"{versus}, is accepted."
    )
    if not math.isfinite(compared.candidate):
        reason = (
            f"{spoken(metric.name)} of this model is no number on the {compared.n:,} examples, as "
            f"NaN or infinite outputs make it; the {versus}'s is {compared.baseline:.4g}."
        )
    elif compared.outcome == INSUFFICIENT_DATA:
        reason += f" {_needed(compared)}"
    difference = Difference(
        compared.difference,
        low,
        high,
        -better * compared.limit,
        alpha,
        "paired bootstrap",
        _whole(compared.needed),
    )
    few = f"{compared.n:,} of {compared.needed:,} examples that would be enough"
    is_luck = compared.outcome == PASS and compared.n < _LITTLE * compared.needed
    notes = [_BY_LUCK.format(few)] if is_luck else []
    notes += [_gained(metric.name, f"{compared.difference:+.3g}")] if worst > 0 else []
    note = "; ".join(notes)
    return Check(NAME, worst, -compared.limit, compared.outcome, reason, note), difference


def _whole(examples: float) -> int | None:
    return int(examples) if math.isfinite(examples) else None


def _needed(compared: bootstrap.Comparison) -> str:
    if compared.needed == math.inf:
        return "The metric is undefined in too many samples, or no loss at all is accepted."
    return (
        f"{compared.needed:,} examples would pass an equally good candidate with "
        f"{paired.POWER:.0%} probability."
    )


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"


def _value(prepared: "draws.Prepared", _: np.ndarray) -> float:
    return prepared.value()
