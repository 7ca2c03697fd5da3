"""Latency on the host this runs on, from single operators that were measured on it.

`tools/benchmarks/fit_latency.py --host` measures a few hundred operators of each family and writes
the file that is read here. An operator's time is a sum of its counts (multiply-adds, values packed,
written and moved) times a cost each, corrected by a Gaussian process over the logarithms of those
counts:
kernels have steps and corners that no short formula has. Zhang et al. 2021 (nn-Meter) show that
times of single operators add up to a network's.
"""

import dataclasses
import functools
import json
import math
import os
import pathlib

import numpy as np

from tfedge import errors, foreign
from tfedge.device.prediction.work import RECURRENT, Work

SCHEMA_VERSION = 1
_STAND_IN = "ADD"  # for operators of a kind that was not measured
# Counted as convolutions or matrix products, but done by kernels of their own.
_STAND_INS_FOR = ("TRANSPOSE_CONV", "CONV_3D", "BATCH_MATMUL", *RECURRENT)
_PLAIN_MS = 0.6e-6  # a multiply-add of a plain loop
LANES = 16  # values that one step of the host's vector units writes, for rounding up
_STEP = 8  # int8 channels that one step reads
_MOST_CORRECTION = 1.0
_AGAIN = "Run tools/benchmarks/fit_latency.py --host again."


@dataclasses.dataclass(frozen=True)
class FamilyTimes:
    """What was measured of one family of kernels, on one type and number of threads.

    Attributes:
        costs_ms: of each of `counts`.
        lengths: (dimensions,) of `place`, over which times change in another way.
        points: (measured, dimensions) of `place` in these lengths.
        weights: (measured,) of the Gaussian process on the logarithm of time over formula.
        least_ms, spread: the shortest time seen; what the process leaves, as a logarithm.
    """

    costs_ms: np.ndarray
    lengths: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    least_ms: float
    spread: float

    def ms(self, work: Work) -> float:
        """Milliseconds of one operator."""
        formula = max(self.least_ms, float(counts(work) @ self.costs_ms))
        at = place(work)[None] / self.lengths
        correction = float(kernel(at, self.points)[0] @ self.weights)
        return formula * math.exp(max(-_MOST_CORRECTION, min(_MOST_CORRECTION, correction)))


@dataclasses.dataclass(frozen=True)
class HostTimes:
    """All that was measured: by "float32" or "int8", threads, and family.

    Attributes:
        base_ms: of a run that does nothing, by type and threads.
        spread: of whole networks, as a logarithm: half the width of a 90 % interval.
    """

    host: str
    base_ms: dict[str, float]
    families: dict[str, FamilyTimes]
    spread: float


@dataclasses.dataclass(frozen=True)
class HostTotal:
    """Milliseconds of one run.

    Attributes:
        ms: of the run.
        guessed_ms: the part of it of operators whose kernels were not measured.
        notes: sentences on what had to stand in for a measurement.
    """

    ms: float
    guessed_ms: float
    notes: tuple[str, ...]


def total_ms(times: HostTimes, works: tuple[Work, ...], integer: bool, threads: int) -> HostTotal:
    """What the operators take, added up."""
    measured = sorted({int(name.split("/")[1]) for name in times.base_ms})
    nearest = min(measured, key=lambda each: (abs(each - threads), each))
    notes = []
    if nearest != threads:
        notes.append(f"This host was measured with {measured} threads; {nearest} stand in.")
    total, guessed = times.base_ms[key(integer, nearest)], 0.0
    strange: set[str] = set()
    for work in works:
        if work.family == "free":
            continue
        ms, is_known = _ms(times, work, nearest)
        total += ms
        if not is_known:
            strange.add(work.kind)
            guessed += ms
    if strange:
        notes.append(
            f"Not measured on this host, so that their time is a guess: "
            f"{', '.join(sorted(strange))}."
        )
    return HostTotal(total, guessed, tuple(notes))


def _ms(times: HostTimes, work: Work, threads: int) -> tuple[float, bool]:
    """Milliseconds of an operator in one inference, and whether its kernel was measured."""
    if work.plain and work.macs:
        return work.turns * work.macs * _PLAIN_MS, False
    found = times.families.get(key(work.integer, threads, family(work)))
    is_known = found is not None and not work.plain and work.kind not in _STAND_INS_FOR
    if found is None:
        found = times.families[key(work.integer, threads, _STAND_IN)]
    return work.turns * found.ms(work), is_known


def key(integer: bool, threads: int, family: str = "") -> str:
    """Such as "int8/2/conv"."""
    return f"{'int8' if integer else 'float32'}/{threads}" + (f"/{family}" if family else "")


def family(work: Work) -> str:
    """Elementwise operators by kind, for each has a kernel of its own; others by family."""
    return work.kind if work.family in ("elementwise", "copy") else work.family


def counts(work: Work) -> np.ndarray:
    """(6,) what an operator's time may be proportional to; the first is the operator itself."""
    rows, channels = _rows(work), work.depth / work.window
    packed = work.input_elements * work.window if work.family in ("conv", "pointwise") else 0
    multiplied: float = work.macs
    if work.family != "depthwise":
        step = _STEP if work.integer else 1
        multiplied = rows * _up(work.columns, LANES) * work.window * _up(channels, step)
    moved = work.activation_bytes + work.weight_bytes
    found = (multiplied if work.macs else 0, packed, work.output_elements, moved, work.passes)
    return np.array([1.0, *(each / 1e6 for each in found)])


def place(work: Work) -> np.ndarray:
    """(7,) where an operator lies among those measured; logarithms, but for what lanes waste."""
    rows, channels = _rows(work), work.depth / work.window
    read = work.input_elements / work.output_elements if work.output_elements else 1.0
    wasted = _up(work.columns, LANES) / work.columns - 1
    unread = _up(channels, _STEP) / channels - 1
    sizes = (rows, work.columns, channels, work.window, max(read, 1e-3))
    return np.array([*(math.log(size) for size in sizes), min(1.0, wasted), min(1.0, unread)])


def _rows(work: Work) -> float:
    """Output pixels."""
    return max(1.0, work.output_elements / work.columns)


def _up(count: float, step: int) -> float:
    return -(-count // step) * step


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) covariance of the corrections at two sets of places, in lengths."""
    distance = ((first[:, None, :] - second[None, :, :]) ** 2).sum(-1)
    return 0.1 * np.exp(-0.5 * distance)


def default_path() -> pathlib.Path:
    """Where a user's own measurements are kept; `TFEDGE_HOST_LATENCY` names another file."""
    named = os.environ.get("TFEDGE_HOST_LATENCY")
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(named) if named else pathlib.Path(cache) / "tfedge" / "host_latency.json"


def load(path: pathlib.Path | None = None) -> HostTimes:
    """The measurements of this host.

    Raises:
        BadInput: none were made, or the file is not one of theirs.
    """
    path = path or default_path()
    try:
        modified = path.stat().st_mtime_ns
    except OSError as e:
        raise errors.BadInput(
            "device 'host'",
            f"this host was not measured: no {path}",
            "Run tools/benchmarks/fit_latency.py --host once, while the machine is quiet.",
        ) from e
    return _read(path, modified)


@functools.lru_cache(maxsize=2)
def _read(path: pathlib.Path, _: int) -> HostTimes:
    stored = foreign.read_json(path, _AGAIN)
    with foreign.reading(path, _AGAIN, "no measurements of a host"):
        if foreign.whole(stored["schema_version"]) != SCHEMA_VERSION:
            raise ValueError(f"schema_version {stored['schema_version']}")
        families = {
            name: FamilyTimes(
                np.array(each["costs_ms"], float),
                np.array(each["lengths"], float),
                np.array(each["points"], float),
                np.array(each["weights"], float),
                float(each["least_ms"]),
                float(each["spread"]),
            )
            for name, each in stored["families"].items()
        }
        return HostTimes(stored["host"], stored["base_ms"], families, float(stored["spread"]))


def write(times: HostTimes, path: pathlib.Path) -> None:
    """Keeps measurements for `load`."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "host": times.host,
        "base_ms": times.base_ms,
        "spread": times.spread,
        "families": {
            name: {
                "costs_ms": each.costs_ms.tolist(),
                "lengths": each.lengths.tolist(),
                "points": np.round(each.points, 4).tolist(),
                "weights": np.round(each.weights, 5).tolist(),
                "least_ms": each.least_ms,
                "spread": each.spread,
            }
            for name, each in times.families.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
