"""Measures single operators on this computer and fits `host.HostTimes` on them."""

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import logging
from scipy import optimize

from latency import single_operators, stopwatch
from tfedge.device import tflite
from tfedge.device.prediction import host, work

_NOISE = 0.03  # of a single measurement, as a standard deviation of its logarithm
_THREADS = (1, 2)
_CHAIN = 25
_PATIENCE = 0.035  # seconds for the best of a measurement


@dataclasses.dataclass(frozen=True)
class Measured:
    """One operator's milliseconds, without what a run costs that does nothing."""

    work: work.Work
    ms: float


def measure(seconds: float, clock: Callable[[], float] = time.monotonic) -> host.HostTimes:
    """Measures for `seconds`, families in turns so that any time is spread over all.

    Args:
        seconds: to spend, both types and all numbers of threads together.
        clock: tells the seconds.
    """
    plans = [(integer, threads) for integer in (False, True) for threads in _THREADS]
    base = {host.key(*plan): _base_ms(*plan) for plan in plans}
    samples: dict[str, list[Measured]] = {}
    stop = clock() + seconds
    for turn, (integer, family, content) in enumerate(_turns()):
        if clock() >= stop:
            logging.info("%d operators measured", turn)
            break
        only = next(w for w in work.of(tflite.read(content)) if w.family != "free")
        for threads in _THREADS:
            ms = stopwatch.least_ms(content, threads, _PATIENCE)
            ms -= base[host.key(integer, threads)]
            samples.setdefault(host.key(integer, threads, family), []).append(Measured(only, ms))
    families = {name: fit(found) for name, found in samples.items()}
    spread = 1.64 * float(np.median([each.spread for each in families.values()]))
    return host.HostTimes(platform.processor() or platform.machine(), base, families, spread)


def fit(samples: list[Measured]) -> host.FamilyTimes:
    """Costs no less than zero that explain the samples' shares best, then what they leave."""
    least = max(1e-5, min(each.ms for each in samples))
    ms = np.array([max(least, each.ms) for each in samples])
    counts = np.array([host.counts(each.work) for each in samples])
    costs, _ = optimize.nnls(counts / ms[:, None], np.ones(len(ms)))
    left = np.log(ms / np.maximum(least, counts @ costs))
    points = np.array([host.place(each.work) for each in samples])
    covariance = host.kernel(points, points) + _NOISE**2 * np.eye(len(points))
    inverse = np.linalg.inv(covariance)
    weights = inverse @ left
    alone = weights / np.diag(inverse)  # left-out errors of a Gaussian process, in closed form
    return host.FamilyTimes(costs, points, weights, least, float(np.std(alone)))


def _base_ms(integer: bool, threads: int) -> float:
    """Of a run without an operator: where the line through two chains meets none."""
    one = stopwatch.least_ms(single_operators.empty(integer, 1), threads, 0.2)
    many = stopwatch.least_ms(single_operators.empty(integer, _CHAIN), threads, 0.2)
    return max(0.0, one - (many - one) / (_CHAIN - 1))


def _turns() -> Iterator[tuple[bool, str, bytes]]:
    """Endless: each turn has every family as often as its share."""
    turn = 0
    while True:
        for family in single_operators.FAMILIES:
            count = single_operators.SHARES.get(family, 1)
            for integer in (False, True):
                for content in single_operators.draw(family, count, integer, _seed(turn, family)):
                    yield integer, family, content
        turn += 1


def _seed(turn: int, family: str) -> int:
    return turn * 1000 + list(single_operators.FAMILIES).index(family)


def half_width(predicted_over_measured: list[float]) -> float:
    """The logarithm that nine of ten ratios lie within."""
    sizes = [abs(math.log(ratio)) for ratio in predicted_over_measured]
    return float(np.quantile(sizes, 0.9, method="higher"))
