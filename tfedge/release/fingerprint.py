"""Which data a model was judged on, as a number that changes with any of it."""

import hashlib

import numpy as np

from tfedge.data import splits

_MOST_BYTES = 2**28  # of inputs in memory; hashing a gigabyte would take a second


def of(split: splits.Split) -> str:
    """SHA-256 of the examples in memory, with what it covers: "inputs and labels: 1f2e...".

    Inputs that are read from disk, or are very large, are left out.
    """
    kept = split.x if isinstance(split, splits.ArraySplit) else {}
    inputs = splits.named(kept)
    covers = "inputs and labels"
    if not inputs or sum(array.nbytes for array in inputs.values()) > _MOST_BYTES:
        inputs, covers = {}, "labels"
    found = hashlib.sha256()
    for name, array in (*inputs.items(), *splits.named(split.targets()).items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        if array.dtype.kind == "O":
            return "not available: the examples are no plain numbers"
        found.update(np.ascontiguousarray(array).data)
    return f"{covers}: {found.hexdigest()}"
