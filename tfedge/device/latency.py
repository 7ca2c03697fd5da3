"""Times of a model on this host. They are called host times: a phone's are other ones."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

_WARM_UP_RUNS, _WARM_UP_SECONDS = 50, 0.2
_FEWEST_RUNS, _MOST_RUNS = 3, 1000
TIMED_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class HostLatency:
    """Milliseconds on the host.

    Attributes:
        load: making the interpreter and its tensors.
        first: the first inference.
        p50, p90, p99: of single inferences after a warm-up.
        runs: how many were timed.
        threads: the interpreter's.
    """

    p50: float
    p90: float
    p99: float
    first: float
    load: float
    runs: int
    threads: int


@dataclasses.dataclass(frozen=True)
class TokenRates:
    """Tokens per second on the host, of a network with key/value caches.

    Attributes:
        prefill: read, of a prompt that fills the signature; with copies of the caches.
        decode: written one after the other, by the median of single steps.
    """

    prefill: float
    decode: float


def measure(
    invoke: Callable[[], None], load_ms: float, threads: int, seconds: float = TIMED_SECONDS
) -> HostLatency:
    """Times `invoke`, which runs one inference, for so long, or a few runs if they are long."""
    first = _one(invoke)
    _several(invoke, 0, _WARM_UP_RUNS, min(seconds, _WARM_UP_SECONDS))
    runs = _several(invoke, _FEWEST_RUNS, _MOST_RUNS, seconds)
    p50, p90, p99 = np.percentile(runs, [50, 90, 99]).tolist()
    return HostLatency(p50, p90, p99, first, load_ms, len(runs), threads)


def _several(invoke: Callable[[], None], fewest: int, most: int, seconds: float) -> list[float]:
    found: list[float] = []
    stop = time.perf_counter() + seconds
    while len(found) < fewest or (len(found) < most and time.perf_counter() < stop):
        found.append(_one(invoke))
    return found


def _one(invoke: Callable[[], None]) -> float:
    started = time.perf_counter_ns()
    invoke()
    return (time.perf_counter_ns() - started) / 1e6
