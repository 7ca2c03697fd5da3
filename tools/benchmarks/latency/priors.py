"""What is believed of the parameters before any latency: orders of magnitude, loosely held.

A rate's prior is for one thread of a core on which a multiply-add of float32 takes 1/6 ns; ratios
start at 1 or at what the width of registers says. Sources of magnitudes: 8 multiply-adds a cycle
at 2 GHz reach half their peak (ruy's and XNNPACK's own benchmarks); LPDDR4 gives one core 4 to
10 GB/s; an interpreter takes microseconds for an operator.
"""

import math

from tfedge.device.prediction import devices

SHARED: dict[str, tuple[float, float]] = {
    "compute": (math.log(6), 1.5),
    "conv.xnnpack": (0.0, 0.12),
    "conv.builtin": (0.0, 0.12),
    "depthwise": (math.log(0.4), 0.4),
    "depthwise.integer": (0.0, 0.3),
    "fetch": (math.log(0.2), 0.8),
    "fetch.integer": (0.0, 0.4),
    "fetch.xnnpack": (math.log(2), 0.4),
    "store": (math.log(0.6), 0.6),
    "store.integer": (math.log(0.7), 0.4),  # rescaled, rounded and clipped
    "passes": (math.log(0.4), 0.5),
    "passes.integer": (math.log(0.7), 0.4),
    "memory": (math.log(6), 0.5),
    "uncached": (math.log(4), 0.4),
    "weights": (math.log(4), 0.5),
    "restream": (math.log(16), 0.5),  # eight bytes a cycle, as from a second level
    "gather": (math.log(4), 0.5),
    "dispatch": (math.log(3), 0.8),
    "barrier": (math.log(3), 0.8),
    "integer.neon": (math.log(2), 0.4),
    "integer.dot": (math.log(4), 0.4),
    "integer.scalar": (math.log(1.3), 0.3),
    "around.scalar": (math.log(2), 0.4),  # without lanes, only multiply-adds lose them
    "threads": (0.85, 0.10),
    "threads.memory": (0.40, 0.15),
}
_OWN = {
    "speed": (0.0, 1.5),
    "memory": (0.0, 0.20),
    "threads": (0.0, 0.04),
    "integer": (0.0, 0.12),
    "depthwise": (0.0, 0.06),
    "around": (0.0, 0.08),
}


def priors() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every parameter; logarithms, but for the exponents."""
    own = {f"{kind}.{name}": prior for kind, prior in _OWN.items() for name in devices.known()}
    return {**SHARED, **own}
