"""Groups under a metric that is a mean over examples: an error, a share of right labels or pixels.

The counterpart of `groups` where an example is not simply right or wrong. Each group's paired
differences are tested by Student's t, one-sided; Holm's procedure holds the error of all together.

Reference: M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 26.7.8 (the normal
deviate of a t).
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from tfedge.release.statistics import groups

FEWEST = 30  # a mean of fewer skewed errors is not near enough to normal


@dataclasses.dataclass(frozen=True)
class MeanChange:
    """What became of one group.

    Attributes:
        group: such as "camera: front".
        n: its examples.
        before, after: means, in the metric's units.
        p_worse, p_beyond: Holm-adjusted p-values, as in `groups.GroupChange`.
    """

    group: str
    n: int
    before: float
    after: float
    p_worse: float
    p_beyond: float


def changes(
    before: np.ndarray,
    after: np.ndarray,
    slices: Mapping[str, np.ndarray],
    *,
    higher_is_better: bool,
    margin: float = 0.0,
) -> tuple[MeanChange, ...]:
    """Compares every group that has `FEWEST` examples before and after.

    Args:
        before: (n,) the metric of each example, of the baseline.
        after: the same of this model.
        slices: slice name -> (n,) the group of each example.
        higher_is_better: the metric's direction.
        margin: the loss a group may have, as a share of its mean before.
    """
    members = {
        f"{name}: {group}": values == group
        for name, values in slices.items()
        for group in np.unique(values)
    }
    kept = {group: own for group, own in members.items() if own.sum() >= FEWEST}
    sign = 1 if higher_is_better else -1
    gains = {group: sign * (after[own] - before[own]) for group, own in kept.items()}
    means = {
        group: (float(before[own].mean()), float(after[own].mean())) for group, own in kept.items()
    }
    worse = groups.holm([_p(gain, 0.0) for gain in gains.values()])
    beyond = groups.holm([_p(gain, margin * abs(means[group][0])) for group, gain in gains.items()])
    return tuple(
        MeanChange(group, len(gains[group]), *means[group], p_worse, p_beyond)
        for group, p_worse, p_beyond in zip(gains, worse, beyond, strict=True)
    )


def _p(gains: np.ndarray, accepted: float) -> float:
    """One-sided p-value of "the mean gain is no less than -accepted"; 0 where it is no number."""
    mean, spread = float(gains.mean()) + accepted, float(gains.std(ddof=1))
    if not math.isfinite(mean):
        return 0.0
    if not spread:
        return 0.0 if mean < 0 else 1.0
    t, freedom = mean / (spread / math.sqrt(len(gains))), len(gains) - 1
    deviate = t * (1 - 1 / (4 * freedom)) / math.sqrt(1 + t * t / (2 * freedom))
    return 0.5 * math.erfc(-deviate / math.sqrt(2))
