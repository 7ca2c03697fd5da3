"""Measures single operators on this computer and fits `host.HostTimes` on them."""

import dataclasses
import math
import platform
import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import logging
from scipy import optimize
from tfedge_tools.benchmarks.latency import single_operators, stopwatch

from tfedge.device.file import tflite
from tfedge.device.prediction import host, work

_NOISE = 0.03  # of a single measurement, as a standard deviation of its logarithm
_THREADS = (1, 2)
_LEAST_SPREAD = 0.1  # of networks that were not checked: half the width of an interval
_CHAIN = 25
_LENGTHS = (0.5, 1.0, 2.0, 4.0, 16.0)
_MOST_TO_CHOOSE = 250  # samples that lengths are chosen on
_PATIENCE = 0.02  # seconds for the best of a measurement


@dataclasses.dataclass(frozen=True)
class Measured:
    """One operator's milliseconds, without what a run costs that does nothing."""

    work: work.Work
    ms: float


def measure(seconds: float, clock: Callable[[], float] = time.monotonic) -> host.HostTimes:
    """Measures for `seconds`, families in turns so that any time is spread over all.

    Args:
        seconds: to spend, both types and all numbers of threads together; at least one turn of
            all families is made.
        clock: tells the seconds.
    """
    plans = [(integer, threads) for integer in (False, True) for threads in _THREADS]
    base = {host.key(*plan): _base_ms(*plan) for plan in plans}
    samples: dict[str, list[Measured]] = {}
    stop = clock() + seconds
    for turn, (family, content) in enumerate(_turns()):
        if clock() >= stop and turn >= _least_operators():
            logging.info("%d operators measured", turn)
            break
        only = next(w for w in work.of(tflite.read(content)) if w.family != "free")
        for threads in _THREADS:
            ms = stopwatch.least_ms(content, threads, _PATIENCE)
            ms -= base[host.key(only.integer, threads)]
            name = host.key(only.integer, threads, family)
            samples.setdefault(name, []).append(Measured(only, ms))
    families = {name: fit(found) for name, found in samples.items()}
    spread = max(_LEAST_SPREAD, 1.64 * float(np.median([f.spread for f in families.values()])))
    return host.HostTimes(platform.processor() or platform.machine(), base, families, spread)


def fit(samples: list[Measured]) -> host.FamilyTimes:
    """Costs no less than zero that explain the samples' shares best, then what they leave."""
    least = max(1e-5, min(each.ms for each in samples))
    ms = np.array([max(least, each.ms) for each in samples])
    counts = np.array([host.counts(each.work) for each in samples])
    costs, _ = optimize.nnls(counts / ms[:, None], np.ones(len(ms)))
    left = np.log(ms / np.maximum(least, counts @ costs))
    places = np.array([host.place(each.work) for each in samples])
    lengths = _best_lengths(places, left)
    weights, alone = _process(places / lengths, left)
    return host.FamilyTimes(costs, lengths, places / lengths, weights, least, _typical(alone))


def _best_lengths(places: np.ndarray, left: np.ndarray) -> np.ndarray:
    """One after the other, the lengths with which samples left out are met best."""
    part = slice(0, _MOST_TO_CHOOSE)
    lengths = np.full(places.shape[1], _LENGTHS[len(_LENGTHS) // 2])
    for _ in range(2):
        for dimension in range(len(lengths)):
            tried = np.tile(lengths, (len(_LENGTHS), 1))
            tried[:, dimension] = _LENGTHS
            errors = [_typical(_process(places[part] / each, left[part])[1]) for each in tried]
            lengths = tried[int(np.argmin(errors))]
    return lengths


def _process(points: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the Gaussian process, and its left-out errors, which have a closed form.

    Samples that it meets badly, for something else ran meanwhile, are trusted less a second time.
    """
    noise = np.full(len(points), _NOISE**2)
    covariance = host.kernel(points, points)
    for _ in range(2):
        inverse = np.linalg.inv(covariance + np.diag(noise))
        weights = inverse @ left
        alone = weights / np.diag(inverse)
        typical = max(_NOISE, _typical(alone))
        noise = _NOISE**2 * np.maximum(1.0, (alone / typical / 2) ** 4)
    return weights, alone


def _typical(errors: np.ndarray) -> float:
    """A standard deviation that outliers do not govern."""
    return 1.48 * float(np.median(np.abs(errors)))


def _base_ms(integer: bool, threads: int) -> float:
    """Of a run without an operator: where the line through two chains meets none."""
    one = stopwatch.least_ms(single_operators.empty(integer, 1), threads, 0.2)
    many = stopwatch.least_ms(single_operators.empty(integer, _CHAIN), threads, 0.2)
    return max(0.0, one - (many - one) / (_CHAIN - 1))


def _turns() -> Iterator[tuple[str, bytes]]:
    """Endless: each turn has every family as often as its share."""
    turn = 0
    while True:
        for family in single_operators.FAMILIES:
            count = single_operators.SHARES.get(family, 1)
            for integer in (False, True):
                for content in single_operators.draw(family, count, integer, _seed(turn, family)):
                    yield family, content
        turn += 1


def _least_operators() -> int:
    """Of one turn, so that every family was measured however little time there is."""
    shares = single_operators.SHARES
    return 2 * sum(shares.get(family, 1) for family in single_operators.FAMILIES)


def _seed(turn: int, family: str) -> int:
    return turn * 1000 + list(single_operators.FAMILIES).index(family)


def half_width(predicted_over_measured: list[float]) -> float:
    """The logarithm that nine of ten ratios lie within."""
    sizes = [abs(math.log(ratio)) for ratio in predicted_over_measured]
    return float(np.quantile(sizes, 0.9, method="higher"))
