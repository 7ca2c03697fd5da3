"""What makes a file: libraries, our own code, processors. Another one may make another."""

import functools
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import re
from collections.abc import Mapping

_PACKAGES = (
    "tfedge",
    *("tensorflow", "tf-keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy"),
)
_ROOMS = ("compress", "data", "device", "export", "making", "packing")
_OF_THE_PROCESSOR = re.compile(r"^(?:vendor_id|cpu family|model|model name|CPU \w+)\s*:.*", re.M)
_INSTRUCTIONS = re.compile(r"\b(?:sse|avx|fma|f16c|amx|asimd|neon|sve|bf16|i8mm)\w*")


@functools.cache
def installed() -> Mapping[str, str]:
    """Version by package."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


@functools.cache
def code() -> str:
    """A number of the files of tfedge that decide on bytes: a checkout changes, its version not."""
    root, digest = pathlib.Path(__file__).parent, hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(root)} ".encode() + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def processor() -> str:
    """Its kind: libraries sum in another order on another, so that last bits differ."""
    told = pathlib.Path("/proc/cpuinfo")
    if not told.exists():
        return f"{platform.machine()} {platform.processor()}"
    first = told.read_text("utf-8", "replace").partition("\n\n")[0]
    known = sorted({*_OF_THE_PROCESSOR.findall(first), *_INSTRUCTIONS.findall(first)})
    return f"{platform.machine()} {known}"


def threads() -> int:
    """How many TensorFlow shares one sum between, unless a program says otherwise."""
    given = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if given.isdecimal() and int(given):
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
