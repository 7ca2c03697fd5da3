"""The rows of the verdict about single classes and slices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import slices
from tfedge.release.gate.check import FAIL, PASS, REPORTED, Check, in_words
from tfedge.release.statistics import group_means, groups, paired

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric
    from tfedge.device.scorecard import Scorecard

NAME = "groups"
GROUP = "group"  # the rows of single ones begin with it


def changes(
    scorecard: "Scorecard", margin: float | None, alpha: float
) -> tuple[groups.GroupChange, ...]:
    """Every class, and every group of every slice, before and after; one family of tests.

    Args:
        scorecard: without a baseline, or answers that are right or wrong, there are none.
        margin: accepted loss of a group, a share; None judges none.
        alpha: family-wise error.
    """
    before, after = scorecard.baseline_right, scorecard.candidate_right
    if before is None or after is None:
        return ()
    answers = slices.pairs({**_classes(scorecard), **scorecard.slices}, before, after)
    counts = {group: paired.Pairs.count(*both) for group, both in answers.items()}
    return groups.changes(counts, 0.0 if margin is None else margin, alpha)


def check(
    found: tuple[groups.GroupChange, ...], margin: float | None, alpha: float
) -> Iterator[Check]:
    """One row for each group that got worse, one for all where none did.

    A loss that is shown to be beyond the margin fails. One that is shown, but not to be that
    large, or without a margin, is reported.
    """
    worse = [each for each in found if min(each.p_worse, each.p_beyond) <= alpha]
    for each in worse:
        beyond = margin is not None and each.p_beyond <= alpha
        reason = (
            f"{_start(each)} went from {each.before:.1%} to {each.after:.1%} of {each.n:,} "
            f"examples ({100 * each.low:+.1f} to {100 * each.high:+.1f} points): more than chance "
            f"explains among {len(found)} groups (at {alpha:.0%}); {_accepted(margin)}."
        )
        limit = None if margin is None else -margin
        outcome = FAIL if beyond else REPORTED
        yield Check(f"{GROUP}: {each.group}", each.change, limit, outcome, reason, _fell(each))
    if found and not worse:
        lowest = min(found, key=lambda each: each.change)
        most = f"the largest loss is that of {_group(lowest)}, {100 * lowest.change:+.1f} points"
        reason = (
            f"No class or slice of {len(found)} got worse than chance explains"
            f"{f'; {most}' if lowest.change < 0 else ''}."
        )
        yield Check(NAME, lowest.change, None if margin is None else -margin, PASS, reason)


def check_means(scorecard: "Scorecard", margin: float | None, alpha: float) -> Iterator[Check]:
    """The same of slices where no answer is right or wrong, but the metric a mean over examples.

    A metric that is neither is said not to tell slices apart.
    """
    metric = scorecard.judged_by
    before, after = scorecard.baseline_outputs, scorecard.candidate_outputs
    if scorecard.candidate_right is not None or metric is None or before is None or after is None:
        return
    if not scorecard.slices:
        if margin is not None:
            yield _unjudged("there are neither classes with right answers nor slices", margin)
        return
    if metric.per_example is None:
        names = ", ".join(scorecard.slices)
        cause = f"{in_words(metric.name)} is no mean over examples: slices ({names}) are not tested"
        yield _unjudged(cause, margin)
        return
    found = group_means.changes(
        metric.per_example(before, scorecard.targets),
        metric.per_example(after, scorecard.targets),
        scorecard.slices,
        higher_is_better=metric.higher_is_better,
        margin=margin or 0.0,
    )
    worse = [each for each in found if min(each.p_worse, each.p_beyond) <= alpha]
    for each in worse:
        yield _mean_check(each, metric, margin, alpha, len(found))
    small = f"groups of fewer than {group_means.FEWEST} examples are left out"
    if found and not worse:
        reason = f"No group of {len(found)} got worse than chance explains; {small}."
        yield Check(NAME, None, None, PASS, reason)
    if not found:
        yield _unjudged(f"no group was tested: {small}", margin)


def _unjudged(cause: str, margin: float | None) -> Check:
    """No group could be looked at; a margin that was set for them is not passed over."""
    note = "" if margin is None else f"--group_margin judged nothing: {cause}"
    limit = None if margin is None else -margin
    return Check(NAME, None, limit, REPORTED, f"{cause[0].upper()}{cause[1:]}.", note)


def _mean_check(
    each: group_means.MeanChange, metric: "Metric", margin: float | None, alpha: float, among: int
) -> Check:
    """The row of one group that got worse, in the metric's units; a loss is negative."""
    sign = 1 if metric.higher_is_better else -1
    limit = None if margin is None else -margin * abs(each.before)
    accepted = _accepted(None) if limit is None else f"{sign * limit:+.3g} is accepted"
    reason = (
        f"{_start(each)}: {in_words(metric.name)} went from {each.before:.4g} to "
        f"{each.after:.4g} on {each.n:,} examples, more than chance explains among {among} groups "
        f"(at {alpha:.0%}); {accepted}."
    )
    outcome = FAIL if limit is not None and each.p_beyond <= alpha else REPORTED
    change = sign * (each.after - each.before)
    note = (
        f"{_named(each)} got worse: {in_words(metric.name)} {each.before:.4g} to {each.after:.4g}"
    )
    return Check(f"{GROUP}: {each.group}", change, limit, outcome, reason, note)


def _fell(change: groups.GroupChange) -> str:
    """Such as "class 'cat' fell from 88.3 to 79.9 %"."""
    return f"{_named(change)} fell from {100 * change.before:.1f} to {100 * change.after:.1f} %"


def _named(change: groups.GroupChange | group_means.MeanChange) -> str:
    kind, _, label = change.group.partition(": ")
    return f"{kind} {label!r}"


def _group(change: groups.GroupChange | group_means.MeanChange) -> str:
    return change.group.replace(": ", " ", 1)


def _start(change: groups.GroupChange | group_means.MeanChange) -> str:
    """A group as the start of a sentence; its label stays as it is."""
    words = _group(change)
    return words[:1].upper() + words[1:]


def _accepted(margin: float | None) -> str:
    if margin is None:
        return "reported, as no --group_margin was set"
    return f"{100 * -margin:+.1f} is accepted"


def _classes(scorecard: "Scorecard") -> dict[str, np.ndarray]:
    labels, targets = np.array([each.label for each in scorecard.per_class]), scorecard.targets
    if not isinstance(targets, np.ndarray) or not len(labels) or targets.max() >= len(labels):
        return {}
    return {"class": labels[targets.reshape(-1).astype(int)]}
