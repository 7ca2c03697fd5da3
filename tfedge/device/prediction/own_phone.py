"""A team's own phone: latencies measured on it refine what is predicted for it.

TFEDGE_PHONE_LATENCY names a file of them:

    {"device": "galaxy_s25", "accelerator": "npu", "threads": 4, "latencies": [
      {"tflite": "ours.tflite", "ms": 0.31},
      {"release": "out/release"}]}

A release is one that `phone-bench` has measured. Paths are relative to the file. What the
predictions miss of these networks on average, they are believed to miss of others, too: by
n / (n + 1) of it after n latencies, the best guess where a device's own and a network's own miss
are as large as each other (Efron and Morris 1975, https://doi.org/10.2307/2285814).
"""

import dataclasses
import functools
import hashlib
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from tfedge import errors, foreign

_NAMED_BY = "TFEDGE_PHONE_LATENCY"
_REMEDY = "See own_phone.py, or docs/phones.md, for the form of such a file."


@dataclasses.dataclass(frozen=True)
class Latency:
    """What one file took on the phone, in milliseconds."""

    tflite: pathlib.Path
    ms: float


@dataclasses.dataclass(frozen=True)
class OwnPhone:
    """A file of measurements: of which device, and what of it ran the models."""

    path: pathlib.Path
    device: str
    accelerator: str
    threads: int
    latencies: tuple[Latency, ...]


def load() -> OwnPhone | None:
    """What TFEDGE_PHONE_LATENCY names; None where it is not set.

    Raises:
        BadInput: no such file, or not of this form.
    """
    named = os.environ.get(_NAMED_BY)
    if not named:
        return None
    path = pathlib.Path(named)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as e:
        raise errors.BadInput(f"{_NAMED_BY}={named}", "no such file", _REMEDY) from e


def told() -> str:
    """What such a refinement depends on, for keys of what is made with it; empty for none.

    Raises:
        BadInput: as `load`.
    """
    own = load()
    if own is None:
        return ""
    digests = [hashlib.sha256(each.tflite.read_bytes()).hexdigest() for each in own.latencies]
    times = [each.ms for each in own.latencies]
    return f"{own.device} {own.accelerator} {own.threads} {times} {digests}"


def factor(ratios: Iterable[float]) -> float:
    """What a prediction is to be multiplied by.

    Args:
        ratios: measured over predicted, of the networks that were measured; one at least.
    """
    misses = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(misses) / (len(misses) + 1))


@functools.lru_cache(maxsize=2)
def _read(path: pathlib.Path, _: int) -> OwnPhone:
    stored = foreign.read_json(path, _REMEDY)
    with foreign.reading(path, _REMEDY, "no latencies of a phone"):
        return OwnPhone(
            path,
            str(stored["device"]),
            str(stored.get("accelerator", "cpu")),
            foreign.whole(stored.get("threads", 4), 1),
            tuple(_latency(each, path.parent) for each in stored["latencies"]),
        )


def _latency(stored: dict[str, Any], folder: pathlib.Path) -> Latency:
    if "release" in stored:
        release = folder / stored["release"]
        card = foreign.read_json(release / "scorecard.json", "Name a release.")
        found = card["latency_ms"]["phone_measured"]
        return _checked(release / "model.tflite", found["p50"] or found["mean"])
    return _checked(folder / stored["tflite"], stored["ms"])


def _checked(path: pathlib.Path, ms: Any) -> Latency:
    if type(ms) not in (int, float) or not 0 < ms < math.inf:
        raise ValueError(f"{ms!r} ms of {path.name}")
    if not path.is_file():
        raise ValueError(f"no {path}")
    return Latency(path, float(ms))
