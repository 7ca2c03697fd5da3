"""Which data a model was judged on, as a number that changes with any of it."""

import hashlib
from collections.abc import Mapping

import numpy as np

from tfedge.data import splits

_MOST_BYTES = 2**28  # of inputs in memory; hashing a gigabyte would take a second
_FEW = 64  # inputs of what is read from disk: a second look at all of it would cost too much


def of(split: splits.Split) -> str:
    """SHA-256 of the examples, with what it covers: "inputs and labels: 1f2e...".

    Of inputs that are read from disk, or are very large, 64 are covered, evenly spaced.
    """
    covers, inputs = _inputs(split)
    found = hashlib.sha256()
    for name, array in (*inputs.items(), *splits.named(split.targets()).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        if array.dtype.kind == "O":
            return "not available: the examples are no plain numbers"
        found.update(np.ascontiguousarray(array).data)
    return f"{covers}: {found.hexdigest()}"


def _inputs(split: splits.Split) -> tuple[str, Mapping[str, np.ndarray]]:
    """What of the inputs is covered, in words, and these."""
    if isinstance(split, splits.ArraySplit):
        inputs = splits.named(split.x)
        if sum(array.nbytes for array in inputs.values()) <= _MOST_BYTES:
            return "inputs and labels", inputs
    if not len(split) or not isinstance(split, splits.ArraySplit | splits.StreamSplit):
        return "labels", {}
    rows = np.unique(np.linspace(0, len(split) - 1, _FEW).astype(int))
    return f"labels and {len(rows)} inputs", splits.named(split.take(rows).x)
