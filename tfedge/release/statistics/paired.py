"""Is the small model as good as the large one, on the same examples? A paired test that can say no.

Both models answer the same held-out examples, so only the discordant ones, right for one model
and wrong for the other, carry information. Tango's score interval stays honest where the textbook
interval does not: with no discordant example at all it still has a width, z^2 / (n + z^2).

References:
    T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17, 1998.
    J. Nam, "Establishing equivalence of two treatments and sample size requirements in
    matched-pairs design", Biometrics 53, 1997.
"""

import dataclasses
import math
import numbers
import statistics
from typing import Any

import numpy as np

from tfedge import errors

PASS, FAIL, INSUFFICIENT_DATA = "PASS", "FAIL", "INSUFFICIENT_DATA"
POWER = 0.8
_NORMAL = statistics.NormalDist()
_HALVINGS = 60  # an interval of length 2 halved this often is below the spacing of doubles


def non_inferior(
    baseline_correct: np.ndarray,
    candidate_correct: np.ndarray,
    margin: float = 0.01,
    alpha: float = 0.05,
) -> str:
    """Decides whether the candidate's accuracy is within `margin` of the baseline's.

    Args:
        baseline_correct: shape (n,), bool: which examples the baseline answers correctly.
        candidate_correct: shape (n,), bool, of the same examples in the same order.
        margin: the loss that would still be accepted, as a share: 0.01 is one point of accuracy.
        alpha: the accepted probability of passing a candidate that loses `margin` or more.

    Returns:
        "PASS", "FAIL" or "INSUFFICIENT_DATA"; `decide` says when which.

    Raises:
        BadInput: arrays that are not boolean, not flat or not of the same length; a margin or
            alpha out of range.

    Example:
        >>> non_inferior(np.ones(1000, bool), np.ones(1000, bool))
        'PASS'
    """
    return decide(Pairs.count(baseline_correct, candidate_correct), margin, alpha)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """How often which of two models was right, over the same examples."""

    both: int
    only_baseline: int
    only_candidate: int
    neither: int

    @classmethod
    def count(cls, baseline_correct: np.ndarray, candidate_correct: np.ndarray) -> "Pairs":
        """Counts two boolean arrays of shape (n,)."""
        baseline, candidate = _boolean(baseline_correct), _boolean(candidate_correct)
        if baseline.shape != candidate.shape:
            raise errors.BadInput(
                "candidate_correct",
                f"expected {len(baseline)} answers, as of the baseline, got {len(candidate)}",
                "Let both models answer the same examples in the same order.",
            )
        both, neither = (baseline & candidate).sum(), (~baseline & ~candidate).sum()
        only_baseline, only_candidate = (baseline & ~candidate).sum(), (~baseline & candidate).sum()
        return cls(int(both), int(only_baseline), int(only_candidate), int(neither))

    @property
    def n(self) -> int:
        """The number of examples."""
        return self.both + self.only_baseline + self.only_candidate + self.neither

    @property
    def discordant_share(self) -> float:
        """The share of examples, 0..1, that exactly one of the models has right."""
        return (self.only_baseline + self.only_candidate) / self.n if self.n else 0.0


def decide(pairs: Pairs, margin: float = 0.01, alpha: float = 0.05) -> str:
    """Decides non-inferiority from the counts.

    PASS when the one-sided lower bound of candidate minus baseline is above -margin. FAIL when the
    one-sided upper bound is below -margin, or when n examples would have shown non-inferiority
    with 80 % power, had there been no difference: then more data is not what is missing.
    INSUFFICIENT_DATA otherwise.
    """
    check_settings(margin, alpha)
    if not pairs.n:
        return INSUFFICIENT_DATA
    lower, upper = tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, 2 * alpha)
    if lower > -margin:
        return PASS
    enough = pairs.n >= examples_needed(pairs.discordant_share, margin, alpha)
    return FAIL if upper < -margin or enough else INSUFFICIENT_DATA


def tango_interval(
    only_baseline: int | np.ndarray,
    only_candidate: int | np.ndarray,
    n: int | np.ndarray,
    alpha: float = 0.05,
) -> tuple[Any, Any]:
    """The score interval of candidate minus baseline accuracy.

    Each bound is where the score statistic, with the discordant probability at its constrained
    maximum likelihood, reaches the normal quantile; found by bisection, which has no starting
    point to get wrong. Arrays are broadcast against each other.

    Args:
        only_baseline: examples that only the baseline has right.
        only_candidate: examples that only the candidate has right.
        n: all examples, concordant ones included, 1 or more.
        alpha: two-sided error; the one-sided bounds at level a are those of alpha = 2a.

    Returns:
        (lower, upper), shares in -1..1: floats for integers, arrays for arrays.
    """
    counts = (np.asarray(count, np.float64) for count in (only_baseline, only_candidate, n))
    lost, won, total = np.broadcast_arrays(*counts)
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    lower, upper = _lower_bound(lost, won, total, z), -_lower_bound(won, lost, total, z)
    return (float(lower), float(upper)) if lower.ndim == 0 else (lower, upper)


def score(pairs: Pairs, difference: float) -> float:
    """Tango's score statistic of the hypothesis that the true difference is this one.

    Standard normal where it is; negative where the candidate does worse than that.
    """
    lost, won, n = (np.float64(x) for x in (pairs.only_baseline, pairs.only_candidate, pairs.n))
    spread = math.sqrt(n * _constrained_variance(lost, won, n, np.float64(difference)))
    distance = float(won - lost - n * difference)
    return distance / spread if spread else math.copysign(math.inf, distance)


def examples_needed(
    discordant_share: float, margin: float = 0.01, alpha: float = 0.05, power: float = POWER
) -> float:
    """How many examples show non-inferiority with this power if there is no difference (Nam 1997).

    Args:
        discordant_share: the share of examples, 0..1, that exactly one of the models has right.
        margin: the accepted loss, a share.
        alpha: one-sided error.
        power: 0..1, the probability of a PASS.

    Returns:
        A whole number, or infinity for a margin of 0.
    """
    if margin == 0:
        return math.inf
    at_margin, at_no_difference = _spreads(discordant_share, margin)
    z = _NORMAL.inv_cdf(1 - alpha) * at_margin + _NORMAL.inv_cdf(power) * at_no_difference
    return math.ceil((z / margin) ** 2)


def power(n: int, discordant_share: float, margin: float = 0.01, alpha: float = 0.05) -> float:
    """The probability of a PASS, 0..1, with n examples and no difference between the models."""
    at_margin, at_no_difference = _spreads(discordant_share, margin)
    slack = margin * math.sqrt(n) - _NORMAL.inv_cdf(1 - alpha) * at_margin
    if at_no_difference == 0:
        return float(slack > 0)
    return _NORMAL.cdf(slack / at_no_difference)


def power_statement(pairs: Pairs, margin: float = 0.01, alpha: float = 0.05) -> str:
    """What this many examples can and cannot show, in words."""
    share = pairs.discordant_share
    needed = examples_needed(share, margin, alpha)
    enough = f"{needed:,} examples" if needed < math.inf else "no number of examples"
    return (
        f"with {share:.1%} of the examples answered correctly by only one of the two models, "
        f"{enough} would pass an equally good candidate with {POWER:.0%} probability; "
        f"these {pairs.n:,} pass it with {power(pairs.n, share, margin, alpha):.0%}"
    )


def _spreads(discordant_share: float, margin: float) -> tuple[float, float]:
    """Standard deviations of one pair's difference: estimated under -margin, true at 0."""
    half = np.float64(discordant_share / 2)
    variance = _constrained_variance(half, half, np.float64(1), np.float64(-margin))
    return math.sqrt(variance), math.sqrt(discordant_share)


def _lower_bound(lost, won, n, z: float) -> np.ndarray:
    low, high = np.full(lost.shape, -1.0), (won - lost) / n
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        distance = won - lost - n * middle
        below = distance > z * np.sqrt(n * _constrained_variance(lost, won, n, middle))
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def _constrained_variance(lost, won, n, difference) -> np.ndarray:
    """Variance of one pair's difference at its maximum likelihood under a given mean (Tango)."""
    b = (2 * n - won + lost) * difference - lost - won
    c = -lost * difference * (1 - difference)
    root = np.sqrt(np.maximum(b * b - 8 * n * c, 0))
    loss_probability = (root - b) / (4 * n)
    return np.maximum(2 * loss_probability + difference * (1 - difference), 0)


def _boolean(correct: np.ndarray) -> np.ndarray:
    try:
        array = np.asarray(correct)
    except ValueError:  # rows of different lengths
        array = np.asarray(correct, object)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise errors.BadInput(
            "non_inferior",
            f"expected one True or False per example, got {array.dtype} of shape {array.shape}",
            "Pass whether each example was answered correctly, not the answers.",
        )
    return array.astype(bool)


def check_settings(margin: float, alpha: float, name: str = "--margin") -> None:
    """Raises BadInput for a margin or an alpha out of range."""
    if not isinstance(margin, numbers.Real) or not 0 <= margin < 1:
        raise errors.BadInput(
            name, f"expected a share from 0 to below 1, got {margin!r}", "0.01 is one point."
        )
    if not isinstance(alpha, numbers.Real) or not 0 < alpha < 0.5:
        raise errors.BadInput(
            "alpha", f"expected an error probability between 0 and 0.5, got {alpha!r}", "Try 0.05."
        )
