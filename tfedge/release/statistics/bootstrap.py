"""Non-inferiority for metrics that are no count of right answers: macro F1, AUC, an error.

Examples are drawn with replacement, the same ones for both models, so what both find hard or easy
cancels as it does in Tango's test (tfedge/release/paired.py), whose rules decide here too.

Reference: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13
(percentile intervals) and 14 (their correction for skewness).
"""

import dataclasses
import math
import statistics as stdlib_statistics
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge.data import splits
from tfedge.release.statistics import paired

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric

_FEWEST = 30  # percentile intervals of fewer examples are too narrow to pass anything on
_UNDEFINED_SHARE = 0.1  # of draws, such as an AUC over one class only
_MOST_SHIFT = 0.15  # a skewness of 0.9, where quantiles of 1,000 draws begin to thin out
_NORMAL = stdlib_statistics.NormalDist()


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One metric of two models over the same examples.

    Attributes:
        baseline, candidate: the metric's values over all examples.
        difference: candidate minus baseline, in the metric's units.
        interval: of that difference, between the one-sided bounds at `alpha`.
        limit: the loss that would still be accepted, in the metric's units, 0 or more.
        n: examples.
        needed: examples that would pass an equally good candidate with 80 % probability.
        outcome: "PASS", "FAIL" or "INSUFFICIENT_DATA".
    """

    baseline: float
    candidate: float
    difference: float
    interval: tuple[float, float]
    limit: float
    n: int
    needed: float
    outcome: str


def compare(
    value: Callable[[Any, Any], float],
    baseline_outputs: Any,
    candidate_outputs: Any,
    targets: splits.Arrays,
    *,
    higher_is_better: bool = True,
    margin: float = 0.01,
    alpha: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compares two models by a metric of (outputs, targets).

    Args:
        value: the metric over some examples; NaN where it is undefined.
        baseline_outputs: first axis the n examples; a dict for several outputs; or its
            `draws.Prepared` form.
        candidate_outputs: the same of the candidate.
        targets: the n targets.
        higher_is_better: False for errors.
        margin: the accepted loss as a share of the baseline's value, in the worse direction.
        alpha: one-sided error.
        resamples: draws of n examples; 1,000 place a 5 % bound within about 1 % of its level.
        seed: of the draws.
    """
    baseline, candidate = value(baseline_outputs, targets), value(candidate_outputs, targets)
    n = splits.count(targets)

    def differ(chosen: np.ndarray) -> float:
        drawn = splits.pick(targets, chosen)
        before = value(splits.pick(baseline_outputs, chosen), drawn)
        return value(splits.pick(candidate_outputs, chosen), drawn) - before

    random = np.random.default_rng(seed)
    draws = np.array([differ(random.integers(0, n, n)) for _ in range(resamples)])
    limit, better = margin * abs(baseline), 1 if higher_is_better else -1
    difference = candidate - baseline
    outcome, needed = _decide(
        better * draws, better * difference, n, limit=limit, margin=margin, alpha=alpha
    )
    defined = draws[np.isfinite(draws)]
    low, high = _bounds(defined, alpha) if defined.size else (math.nan, math.nan)
    return Comparison(
        baseline=float(baseline),
        candidate=float(candidate),
        difference=float(difference),
        interval=(float(low), float(high)),
        limit=float(limit),
        n=n,
        needed=needed,
        outcome=outcome,
    )


def interval(
    metric: "Metric",
    outputs: splits.Arrays,
    targets: splits.Arrays,
    *,
    alpha: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """The metric of one model, and its one-sided bounds at `alpha` each way.

    Args:
        metric: of (outputs, targets).
        outputs: first axis the n examples; a dict for several outputs.
        targets: the n targets.
        alpha: one-sided error.
        resamples: draws of n examples.
        seed: of the draws.

    Returns:
        The bounds are NaN where the metric is undefined in too many draws.
    """
    ready, random = metric.prepared(outputs, targets), np.random.default_rng(seed)
    found, n = metric.value(outputs, targets), len(ready)
    draws = np.array([ready[random.integers(0, n, n)].value() for _ in range(resamples)])
    defined = draws[np.isfinite(draws)]
    if n < _FEWEST or len(defined) < (1 - _UNDEFINED_SHARE) * resamples:
        return float(found), (math.nan, math.nan)
    return float(found), _bounds(defined, alpha)


def _decide(
    gains: np.ndarray, gain: float, n: int, *, limit: float, margin: float, alpha: float
) -> tuple[str, float]:
    """The outcome and the examples needed; `gains` are the draws, larger is better."""
    defined = gains[np.isfinite(gains)]
    if math.isfinite(limit) and not math.isfinite(gain):
        return paired.FAIL, math.inf  # the baseline has a value, the candidate has none
    if len(defined) < (1 - _UNDEFINED_SHARE) * len(gains):
        return paired.INSUFFICIENT_DATA, math.inf
    spread = defined.std()
    if spread == 0:
        # No draw differs: as with identical answers, it takes many examples to prove that much.
        needed = paired.examples_needed(0.0, margin, alpha)
        verdict = paired.PASS if gain >= -limit else paired.FAIL
        return (verdict if n >= needed else paired.INSUFFICIENT_DATA), needed
    quantiles = _NORMAL.inv_cdf(1 - alpha) + _NORMAL.inv_cdf(paired.POWER)
    needed = math.ceil(n * (quantiles * spread / limit) ** 2) if limit else math.inf
    needed = max(needed, _FEWEST)
    lower, upper = _bounds(defined, alpha)
    if lower > -limit and n >= _FEWEST:
        return paired.PASS, needed
    failed = upper < -limit or n >= needed
    return (paired.FAIL if failed else paired.INSUFFICIENT_DATA), needed


def _bounds(draws: np.ndarray, alpha: float) -> tuple[float, float]:
    """One-sided bounds at `alpha` each way: quantiles of the draws, moved where these are skewed.

    A few examples that got much worse make the lower tail longer than the draws show. The
    acceleration of a mean is a sixth of its draws' skewness, and so is its bias correction.
    """
    spread = draws.std()
    skewness = float(np.mean(((draws - draws.mean()) / spread) ** 3)) if spread else 0.0
    shift = max(-_MOST_SHIFT, min(_MOST_SHIFT, skewness / 6))
    levels = []
    for z in (_NORMAL.inv_cdf(alpha), _NORMAL.inv_cdf(1 - alpha)):
        moved = shift + z
        levels.append(_NORMAL.cdf(shift + moved / (1 - shift * moved)))
    low, high = np.quantile(draws, levels)
    return float(low), float(high)
