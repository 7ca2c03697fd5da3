"""How the rates of a device follow from parameters that devices share.

Every rate is a product of parameters, so its logarithm is a sum of theirs: `terms` says which, and
how often. What few latencies can tell apart is shared; each device has a speed that everything on
it follows, and small deviations from what is shared, held near zero when fitted.
"""

import math

import numpy as np

from tfedge.device.prediction.devices import Device
from tfedge.device.prediction.formula import RATES

Terms = dict[str, float]
_ALONE = -40.0  # logarithm of no cost: a single thread waits for nobody


def design(
    device: Device, threads: int, integer: bool, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """(rates, parameters) matrix and (rates,) offset: log rates = matrix @ parameters + offset."""
    matrix = np.zeros((len(RATES), len(names)))
    position = {name: column for column, name in enumerate(names)}
    for rate, sum_of in terms(device, threads, integer).items():
        for name, times in sum_of.items():
            matrix[RATES.index(rate), position[name]] += times
    offset = np.zeros(len(RATES))
    offset[RATES.index("barrier")] = math.log(math.log2(threads)) if threads > 1 else _ALONE
    return matrix, offset


def terms(device: Device, threads: int, integer: bool) -> dict[str, Terms]:
    """The parameters of each rate, with their multiplicity."""
    own, doubled = device.name, math.log(threads)
    speed = {f"speed.{own}": 1.0}
    shared = {"threads": doubled, f"threads.{own}": doubled}  # by kernels that use all threads
    shared_memory = {"threads.memory": doubled}
    serial = device.runtime == "builtin"  # whose other operators run on one thread
    core = {"compute": 1.0, **speed}
    around = {**core, f"around.{own}": 1.0, **_if(device.cores == "scalar", "around.scalar")}
    lanes = {f"integer.{device.cores}": 1.0, f"integer.{own}": 1.0} if integer else {}
    half = {name: 0.5 for name in lanes if name == f"integer.{device.cores}"}
    memory = {**speed, f"memory.{own}": 1.0}
    pointwise = {**core, **shared, **lanes}
    return {
        "pointwise": pointwise,
        "conv": {**pointwise, f"conv.{device.runtime}": 1.0},
        "depthwise": {
            **core,
            **shared,
            **half,
            **_if(device.cores == "scalar", "around.scalar"),
            **{"depthwise": 1.0, f"depthwise.{own}": 1.0},
            **_if(integer, "depthwise.integer"),
        },
        "fetch": {
            **around,
            **shared,
            "fetch": 1.0,
            **_if(integer, "fetch.integer"),
            **_if(device.runtime == "xnnpack", "fetch.xnnpack"),
        },
        "store": {**around, **shared, "store": 1.0, **_if(integer, "store.integer")},
        "passes": {
            **around,
            **({} if serial else shared),
            "passes": 1.0,
            **_if(integer, "passes.integer"),
        },
        "memory": {**memory, **shared_memory, "memory": 1.0},
        "cached": {**memory, **({} if serial else shared_memory), "memory": 1.0},
        "uncached": {**memory, **({} if serial else shared_memory), "uncached": 1.0},
        "weights": {**memory, **shared_memory, "weights": 1.0},
        "restream": {**memory, **shared_memory, "restream": 1.0},
        "gather": {**memory, "gather": 1.0},
        "dispatch": {"dispatch": 1.0, f"speed.{own}": -1.0},
        "barrier": {"barrier": 1.0, f"speed.{own}": -1.0},
    }


def _if(condition: bool, name: str) -> Terms:
    return {name: 1.0} if condition else {}
