"""Has a class, or a slice of the users, been paid for the average? A family of paired tests.

Each group is tested on its own examples; Holm's step-down procedure keeps the probability of one
false alarm or more among all of them at alpha, whatever their dependence.

References:
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12, 1947; the exact form, by the binomial distribution.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.release.statistics import paired


@dataclasses.dataclass(frozen=True)
class GroupChange:
    """What became of one group of examples.

    Attributes:
        group: such as "class: boot" or "camera: front".
        n: its examples.
        before, after: shares of right answers, 0..1.
        low, high: bounds of after minus before that hold for all groups at once with 1 - alpha.
        lost: examples only the baseline has right (negative flips).
        won: examples only the candidate has right.
        p_worse: Holm-adjusted p-value of "no worse than before"; small: it got worse.
        p_beyond: the same of "no worse than by the margin"; small: worse by more than that.
    """

    group: str
    n: int
    before: float
    after: float
    low: float
    high: float
    lost: int
    won: int
    p_worse: float
    p_beyond: float

    @property
    def change(self) -> float:
        """After minus before, a share."""
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {**dataclasses.asdict(self), "change": self.change}


def changes(
    pairs: Mapping[str, paired.Pairs], margin: float, alpha: float = 0.05
) -> tuple[GroupChange, ...]:
    """Compares every group before and after.

    Args:
        pairs: counts by group; groups may overlap. Empty ones are left out.
        margin: the loss a group may have, a share.
        alpha: family-wise error, of the tests and of the bounds.

    Returns:
        One change a group, in the order given.
    """
    kept = {group: each for group, each in pairs.items() if each.n}
    if not kept:
        return ()
    worse = holm([_exact_p(each) for each in kept.values()])
    beyond = holm([_score_p(each, margin) for each in kept.values()])
    found = []
    for number, (group, each) in enumerate(kept.items()):
        low, high = paired.tango_interval(
            each.only_baseline, each.only_candidate, each.n, alpha / len(kept)
        )
        found.append(
            GroupChange(
                group=group,
                n=each.n,
                before=(each.both + each.only_baseline) / each.n,
                after=(each.both + each.only_candidate) / each.n,
                low=low,
                high=high,
                lost=each.only_baseline,
                won=each.only_candidate,
                p_worse=worse[number],
                p_beyond=beyond[number],
            )
        )
    return tuple(found)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: those at most alpha are the ones Holm's procedure rejects at alpha.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in adjusted]


def _exact_p(pairs: paired.Pairs) -> float:
    """P(so many losses or more) where a discordant pair is a loss with probability 1/2."""
    discordant = pairs.only_baseline + pairs.only_candidate
    ways = term = math.comb(discordant, pairs.only_baseline)
    for lost in range(pairs.only_baseline, discordant):
        term = term * (discordant - lost) // (lost + 1)
        ways += term
    return ways / 2**discordant


def _score_p(pairs: paired.Pairs, margin: float) -> float:
    """One-sided p-value of "the loss is at most the margin": Tango's score test there."""
    if margin == 0:
        return _exact_p(pairs)
    z = paired.score(pairs, -margin)
    return 0.5 * math.erfc(-z / math.sqrt(2))
