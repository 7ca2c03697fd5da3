"""The time of a whole network on a device, as a function of the parameters that are fitted."""

import dataclasses
import functools
import math

import numpy as np

from tfedge.device.prediction import formula, hierarchy
from tfedge.device.prediction.devices import Device
from tfedge.device.prediction.work import Work

_design = functools.lru_cache(maxsize=256)(hierarchy.design)

Loads = dict[bool, formula.Load]

# Multiply-adds of a vector kernel in the time of a plain loop's one, an assumption; and how well
# threads share its work.
_LANES, _SHARING = 8.0, 0.8


def slowed(works: tuple[Work, ...], threads: int) -> tuple[Work, ...]:
    """Plain loops with the arithmetic that a vector kernel on all threads would do meanwhile."""
    products = _LANES * float(threads) ** _SHARING
    return tuple(
        dataclasses.replace(w, macs=int(products * w.macs), passes=_LANES * w.passes)
        if w.plain
        else w
        for w in works
    )


def loads(works: tuple[Work, ...]) -> Loads:
    """The operators on integers (True) and the others, for each has rates of its own."""
    timed = [w for w in works if w.family != "free"]
    kinds = sorted({w.integer for w in timed})
    return {kind: formula.Load.of(tuple(w for w in timed if w.integer == kind)) for kind in kinds}


def log_ms(
    parts: Loads, device: Device, threads: int, names: tuple[str, ...], values: np.ndarray
) -> float:
    """Logarithm of the milliseconds of one inference.

    Args:
        parts: of `loads`.
        device: where it runs.
        threads: of the interpreter.
        names: of the parameters of `hierarchy.terms`.
        values: (parameters,) theirs.
    """
    return _total(_log_ms_of_parts(parts, device, threads, names, values))


def slope(
    parts: Loads, device: Device, threads: int, names: tuple[str, ...], values: np.ndarray
) -> tuple[float, np.ndarray]:
    """`log_ms`, and how it follows each parameter: (parameters,)."""
    times = _log_ms_of_parts(parts, device, threads, names, values)
    total, found = _total(times), np.zeros(len(names))
    for (integer, load), part in zip(parts.items(), times, strict=True):
        matrix, offset = _design(device, threads, integer, names)
        rates = matrix @ values + offset
        share = math.exp(part - total)
        found += share * (formula.gradient(load, rates, device.runtime, device.cache_mb) @ matrix)
    return total, found


def _log_ms_of_parts(
    parts: Loads, device: Device, threads: int, names: tuple[str, ...], values: np.ndarray
) -> list[float]:
    times = []
    for integer, load in parts.items():
        matrix, offset = _design(device, threads, integer, names)
        rates = matrix @ values + offset
        times.append(formula.total_log_ms(load, rates, device.runtime, device.cache_mb))
    return times


def _total(times: list[float]) -> float:
    return float(np.logaddexp.reduce(times)) if times else math.log(1e-6)
