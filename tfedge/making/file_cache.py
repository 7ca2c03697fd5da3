"""A .tflite as a finished stage of a cache."""

from collections.abc import Callable

from tfedge import cache

_FILE = "model.tflite"  # in an entry


def tflite(stages: cache.Cache | None, key: str, what: str, export: Callable[[], bytes]) -> bytes:
    """A .tflite, taken over or made."""
    if stages is None:
        return export()
    return stages.made(key, what, lambda: {_FILE: export()})[_FILE]
