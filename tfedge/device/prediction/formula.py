"""Milliseconds of every operator from its work and a device's rates.

    time = max(compute, memory) + weights + restreaming + gathering + dispatch

as in the roofline model (Williams et al. 2009, https://doi.org/10.1145/1498765.1498785). Compute is
the multiply-adds at the rate of their kernel, and besides, at rates of their own, the values a
kernel lays out before and writes after multiplying: with few channels these weigh most.

XNNPACK multiplies a few rows (pixels) by all weights, then the next few: what of the weights the
cache did not keep is read again for each (Goto and van de Geijn 2008,
https://doi.org/10.1145/1356052.1356053, on why others go block by block).
"""

import dataclasses

import numpy as np

from tfedge.device.prediction.work import Work

# In the order of the arrays below. Rates are in 1e9 a second, the last two are microseconds.
RATES = (
    "conv",  # multiply-adds
    "pointwise",
    "depthwise",
    "fetch",  # input values laid out for a matrix kernel
    "store",  # output values
    "passes",  # additions of elementwise operators
    "memory",  # bytes of activations read and written by multiplying kernels
    "cached",  # bytes of activations read and written by the others
    "uncached",  # of these, bytes that do not fit the cache
    "weights",  # bytes
    "restream",  # bytes of weights that are read again
    "gather",  # bytes of windows laid out as rows
    "dispatch",  # of an operator
    "barrier",  # of an operator that several threads share
)
_SHARED_MACS, _SHARED_BYTES = 2**15, 2**12
# Rows that XNNPACK's kernels multiply at a time; and how much of the last level weights may fill,
# for inputs and outputs pass through it too: an assumption.
_ROWS, _KEPT = 4, 0.25
_CORNER = 3.0  # how sharply the larger of two times wins
_FAMILIES = ("conv", "pointwise", "depthwise")


@dataclasses.dataclass(frozen=True, eq=False)
class Load:
    """The work of a network's operators as arrays of (operators,), in millions."""

    macs: np.ndarray  # (families, operators)
    fetched: np.ndarray
    stored: np.ndarray
    passes: np.ndarray
    activation_bytes: np.ndarray
    weight_bytes: np.ndarray
    restreamed_bytes: np.ndarray
    gathered_bytes: np.ndarray
    multiplies: np.ndarray
    pads: np.ndarray
    turns: np.ndarray
    shared: np.ndarray

    @classmethod
    def of(cls, works: tuple[Work, ...]) -> "Load":
        """Operators that take no time are left out."""
        timed = [work for work in works if work.family != "free"]
        multiplies = np.array([_kernel(w) in _FAMILIES for w in timed], bool)
        stored = _millions(w.output_elements for w in timed)
        return cls(
            macs=np.array([_millions(_macs(w, f) for w in timed) for f in _FAMILIES]),
            fetched=_millions(_fetched(w) for w in timed),
            stored=stored * multiplies,
            passes=_millions(w.passes for w in timed),
            activation_bytes=_millions(w.activation_bytes for w in timed),
            weight_bytes=_millions(w.weight_bytes for w in timed),
            restreamed_bytes=_millions(_restreamed(w) for w in timed),
            gathered_bytes=_millions(w.gathered_bytes for w in timed),
            multiplies=multiplies,
            pads=np.array([w.kind in ("PAD", "PADV2") for w in timed], bool),
            turns=np.array([w.turns for w in timed], float),
            shared=np.array([_is_shared(w) for w in timed], bool),
        )


def operator_ms(load: Load, log_rates: np.ndarray, runtime: str, cache_mb: float) -> np.ndarray:
    """Milliseconds of each operator of `load` in one inference.

    Args:
        load: the network.
        log_rates: natural logarithms, in the order of `RATES`.
        runtime: "xnnpack" convolves without laying windows out, joins padding with what follows
            and reads weights again and again; "builtin" are TensorFlow Lite's own kernels.
        cache_mb: of the last level.
    """
    rate = dict(zip(RATES, np.exp(log_rates), strict=True))
    families = np.array([rate[family] for family in _FAMILIES])
    compute = (load.macs / families[:, None]).sum(0)
    compute += load.fetched / rate["fetch"] + load.stored / rate["store"]
    compute += load.passes / rate["passes"]
    beyond = load.activation_bytes / (load.activation_bytes + cache_mb)
    other = load.activation_bytes * (1 / rate["cached"] + beyond / rate["uncached"])
    memory = np.where(load.multiplies, load.activation_bytes / rate["memory"], other)
    larger = (compute**_CORNER + memory**_CORNER) ** (1 / _CORNER)
    ms = larger + load.weight_bytes / rate["weights"] + rate["dispatch"] / 1e3
    if runtime == "xnnpack":
        lost = load.weight_bytes / (load.weight_bytes + _KEPT * cache_mb)
        ms = ms + lost * load.restreamed_bytes / rate["restream"]
        return load.turns * np.where(load.pads, 0.0, ms + load.shared * rate["barrier"] / 1e3)
    waits = load.multiplies & load.shared
    return load.turns * (ms + load.gathered_bytes / rate["gather"] + waits * rate["barrier"] / 1e3)


def total_log_ms(load: Load, log_rates: np.ndarray, runtime: str, cache_mb: float) -> float:
    """Logarithm of the milliseconds of the whole network."""
    return float(np.log(max(1e-6, operator_ms(load, log_rates, runtime, cache_mb).sum())))


def gradient(load: Load, log_rates: np.ndarray, runtime: str, cache_mb: float) -> np.ndarray:
    """(rates,) how the logarithm of the time follows the logarithm of each rate."""
    at = total_log_ms(load, log_rates, runtime, cache_mb)
    steps = 1e-4 * np.eye(len(RATES))
    moved = [total_log_ms(load, log_rates + step, runtime, cache_mb) for step in steps]
    return (np.array(moved) - at) / 1e-4


def _is_shared(work: Work) -> bool:
    """Whether several threads take part; the smallest work is left to one.

    ruy counts multiply-adds (ruy/trmul.cc, GetThreadCount), XNNPACK hands elementwise operators
    out in pieces of 4 KB.
    """
    return work.macs >= _SHARED_MACS or (not work.macs and work.activation_bytes >= _SHARED_BYTES)


def _kernel(work: Work) -> str:
    """A fully connected layer is a convolution of one pixel."""
    return "pointwise" if work.family == "dense" else work.family


def _macs(work: Work, family: str) -> int:
    return work.macs if _kernel(work) == family else 0


def _fetched(work: Work) -> int:
    return work.input_elements if _kernel(work) in ("conv", "pointwise") else 0


def _restreamed(work: Work) -> float:
    """Bytes of weights after the first reading, were there no cache."""
    if _kernel(work) not in ("conv", "pointwise"):
        return 0.0
    rows = work.output_elements / work.columns
    return work.weight_bytes * max(0.0, rows / _ROWS - 1)


def _millions(values) -> np.ndarray:
    return np.array(list(values), float) / 1e6
