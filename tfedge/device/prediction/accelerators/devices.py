"""The devices that latencies of a neural accelerator were published of."""

import functools
import json
import pathlib
from typing import Any

from tfedge import errors, settings

_FILE = pathlib.Path(__file__).parent / "devices.json"


@functools.cache
def known() -> dict[str, str]:
    """Name -> what people call it."""
    return dict(_stored()["devices"])


def runtime() -> str:
    """That the latencies were published of."""
    return _stored()["runtime"]


def rules() -> str:
    """The rule set of `delegate_rules` of what it takes."""
    return _stored()["rules"]


def has(name: str) -> bool:
    """Whether such a device is among them, by this name or another."""
    return _plain(name) in known()


def find(name: str) -> str:
    """The name of a device in the table.

    Raises:
        BadInput: no latencies of its accelerator were published.
    """
    if has(name):
        return _plain(name)
    raise errors.BadInput(
        f"device {name!r} with accelerator 'npu'",
        "no latencies of its NPU were published",
        settings.nearest(str(name), tuple(known())),
    )


def _plain(name: str) -> str:
    plain = str(name).lower().replace(" ", "_").replace("-", "_")
    return _stored()["also_called"].get(plain, plain)


@functools.cache
def _stored() -> dict[str, Any]:
    return json.loads(_FILE.read_text(encoding="utf-8"))
