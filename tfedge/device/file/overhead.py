"""Where the bytes of a .tflite go: kernels, and everything else by kind."""

from collections.abc import Iterable

import numpy as np

from tfedge.device.file import tflite

_LENGTH_BYTES = 4  # in front of every vector and string


def by_kind(file: tflite.TfliteFile) -> dict[str, int]:
    """Bytes by kind; the values add up to the file.

    Kinds: "weights", "biases" (the other constants that operators with kernels read), "constants"
    (what is left: shapes, axes, ...), "scales", "zero_points", "min_max", "names", "metadata" and
    "structure" (tables, offsets, padding). A vector that several tensors share counts once.
    """
    tensors = file.tensors
    found = {
        "weights": file.weight_bytes,
        "biases": _bias_bytes(file),
        "constants": 0,
        "scales": _vector_bytes(t.scales for t in tensors),
        "zero_points": _vector_bytes(t.zero_points for t in tensors),
        "min_max": _vector_bytes(t.lowest for t in tensors)
        + _vector_bytes(t.highest for t in tensors),
        "names": sum({t.name_at: len(t.name.encode()) + 1 for t in tensors if t.name}.values()),
        "metadata": sum(map(len, file.metadata.values())),
    }
    stored = {t.buffer: t.buffer_bytes for t in tensors}
    found["constants"] = sum(stored.values()) - found["weights"] - found["biases"]
    found["structure"] = file.file_bytes - sum(found.values())
    return found


def _bias_bytes(file: tflite.TfliteFile) -> int:
    kernels = file.kernels()
    weights = {kernel.tensor.buffer for kernel in kernels}
    read = {index for kernel in kernels for index in kernel.operator.inputs if index >= 0}
    constants = {
        file.tensors[index].buffer: file.tensors[index].buffer_bytes
        for index in read | {file.producers[i].inputs[0] for i in read if _is_unpacked(file, i)}
    }
    return sum(size for buffer, size in constants.items() if buffer not in weights)


def _is_unpacked(file: tflite.TfliteFile, index: int) -> bool:
    return index in file.producers and file.producers[index].kind == "DEQUANTIZE"


def _vector_bytes(vectors: Iterable[np.ndarray]) -> int:
    """Those that are there, each once."""
    return sum({_address(v): v.nbytes + _LENGTH_BYTES for v in vectors if len(v)}.values())


def _address(vector: np.ndarray) -> int:
    """Where a view lies; views of one vector of the file have the same address."""
    return vector.__array_interface__["data"][0]
