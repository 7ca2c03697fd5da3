"""Latency on the host this runs on, from single operators that were measured on it.

`tools/fit_latency.py --host` measures a few hundred operators of each family and writes the file
that is read here. An operator's time is a sum of its counts (multiply-adds, values packed, written
and moved) times a cost each, corrected by a Gaussian process over the logarithms of those counts:
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

from tfedge import errors
from tfedge.device.prediction.work import Work

SCHEMA_VERSION = 1
_STAND_IN = "ADD"  # for operators of a kind that was not measured
LENGTHS = {"macs": 2.0, "columns": 1.0, "depth": 1.0, "values": 1.5}
LANES = 16  # values that one step of the host's vector units writes, for rounding up


@dataclasses.dataclass(frozen=True)
class FamilyTimes:
    """What was measured of one family of kernels, on one type and number of threads.

    Attributes:
        costs_ms: of each of `counts`.
        points: (measured, dimensions) of `place`.
        weights: (measured,) of the Gaussian process on the logarithm of time over formula.
        least_ms, spread: the shortest time seen; what the process leaves, as a logarithm.
    """

    costs_ms: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    least_ms: float
    spread: float

    def ms(self, work: Work) -> float:
        """Milliseconds of one operator."""
        formula = max(self.least_ms, float(counts(work) @ self.costs_ms))
        correction = float(kernel(place(work)[None], self.points)[0] @ self.weights)
        return formula * math.exp(min(1.0, max(-1.0, correction)))


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


def total_ms(
    times: HostTimes, works: tuple[Work, ...], integer: bool, threads: int
) -> tuple[float, tuple[str, ...]]:
    """Milliseconds of one run, and sentences on what had to stand in for a measurement."""
    measured = sorted({int(name.split("/")[1]) for name in times.base_ms})
    nearest = min(measured, key=lambda each: (abs(each - threads), each))
    notes = []
    if nearest != threads:
        notes.append(f"This host was measured with {measured} threads; {nearest} stand in.")
    total, strange = times.base_ms[key(integer, nearest)], set()
    for work in works:
        if work.family == "free":
            continue
        found = times.families.get(key(work.integer, nearest, family(work)))
        if found is None:
            strange.add(work.kind)
            found = times.families[key(work.integer, nearest, _STAND_IN)]
        total += found.ms(work)
    if strange:
        notes.append(
            f"Not measured on this host, taken as additions: {', '.join(sorted(strange))}."
        )
    return total, tuple(notes)


def key(integer: bool, threads: int, family: str = "") -> str:
    """Such as "int8/2/conv"."""
    return f"{'int8' if integer else 'float32'}/{threads}" + (f"/{family}" if family else "")


def family(work: Work) -> str:
    """Elementwise operators by kind, for each has a kernel of its own; others by family."""
    return work.kind if work.family in ("elementwise", "copy") else work.family


def counts(work: Work) -> np.ndarray:
    """(6,) what an operator's time may be proportional to; the first is the operator itself."""
    columns = -(-work.columns // LANES) * LANES
    rows = work.macs / max(1, work.columns * work.depth)
    macs = work.macs * columns / work.columns if work.family != "depthwise" else work.macs
    packed = rows * work.depth if work.family in ("conv", "pointwise") else 0.0
    moved = work.activation_bytes + work.weight_bytes
    written = float(work.output_elements)
    return np.array([1.0, macs / 1e6, packed / 1e6, written / 1e6, moved / 1e6, work.passes / 1e6])


def place(work: Work) -> np.ndarray:
    """(4,) where an operator lies among those measured, in units of `LENGTHS`."""
    filled = 1 - work.columns % LANES / LANES if work.columns % LANES else 0.0
    size = math.log1p(work.macs or work.passes)
    return np.array(
        [
            size / LENGTHS["macs"],
            math.log(work.columns) / LENGTHS["columns"] + filled,
            math.log(work.depth) / LENGTHS["depth"],
            math.log1p(work.activation_bytes) / LENGTHS["values"],
        ]
    )


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) covariance of the corrections at two sets of places: smooth, of unit length."""
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
            "Run tools/fit_latency.py --host once, while the machine is quiet.",
        ) from e
    return _read(path, modified)


@functools.lru_cache(maxsize=2)
def _read(path: pathlib.Path, _: int) -> HostTimes:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {stored['schema_version']}")
        families = {
            name: FamilyTimes(
                np.array(each["costs_ms"], float),
                np.array(each["points"], float),
                np.array(each["weights"], float),
                float(each["least_ms"]),
                float(each["spread"]),
            )
            for name, each in stored["families"].items()
        }
        return HostTimes(stored["host"], stored["base_ms"], families, float(stored["spread"]))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise errors.BadInput(
            str(path), f"no measurements of a host: {e}", "Run tools/fit_latency.py --host again."
        ) from e


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
