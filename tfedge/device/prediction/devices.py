"""The devices that latencies were published of, and what is known of their processors."""

import dataclasses
import functools
import json
import pathlib
from typing import Any

from tfedge import errors, settings

_FILE = pathlib.Path(__file__).parent / "devices.json"
HOST = "host"


@dataclasses.dataclass(frozen=True)
class Device:
    """A device of the published tables.

    Attributes:
        name: as in `predict_latency`.
        label, chip: for people.
        cores: "scalar", "neon" (vector instructions) or "dot" (vector dot products of int8).
        fast_cores: the threads that find a core of the fast kind.
        cache_mb: last level of the processor's cache.
        runtime: of its published latencies: "xnnpack", or TensorFlow Lite's "builtin" kernels of
            2019 and 2020.
    """

    name: str
    label: str
    chip: str
    cores: str
    fast_cores: int
    cache_mb: float
    runtime: str


@functools.cache
def known() -> dict[str, Device]:
    """By name."""
    return {name: Device(name, **fields) for name, fields in _stored()["devices"].items()}


@functools.cache
def _stored() -> dict[str, dict[str, Any]]:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """What `predict_latency` takes, the host this runs on among them."""
    return (*known(), HOST)


def find(name: str) -> Device:
    """A device by its name, or by that of its profile.

    Raises:
        BadInput: no latencies of such a device were published.
    """
    plain = str(name).lower().replace(" ", "").replace("-", "_")
    plain = _stored()["also_called"].get(plain, plain)
    if plain in known():
        return known()[plain]
    raise errors.BadInput(
        f"device {name!r}", "no latencies of it were published", settings.nearest(plain, names())
    )
