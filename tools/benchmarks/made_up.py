"""Inputs that mean nothing, and how far what networks make of them is apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EXAMPLES = 4


def examples(tensor: Any, count: int = EXAMPLES) -> np.ndarray:
    """Noise, and numbers that are tokens and masks alike."""
    random, shape = np.random.default_rng(0), (count, *tensor.shape[1:])
    if tensor.dtype.is_floating:
        return random.normal(size=shape).astype(np.float32)
    found = random.integers(0, 2, shape)
    found[:, 0] = 1
    return found.astype(tensor.dtype.as_numpy_dtype)


def apart(wanted: Sequence[Any], found: Sequence[Any]) -> float:
    """The largest difference of an output, as a share of the largest one."""
    pairs = [(np.asarray(a, np.float64), np.asarray(b)) for a, b in zip(wanted, found, strict=True)]
    return max(float(np.abs(a - b.reshape(a.shape)).max() / np.abs(a).max()) for a, b in pairs)


def run(content: bytes, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """All outputs, one example at a time."""
    from tfedge.device.file import tflite

    file = tflite.read(content)
    interpreter = tflite.interpreter(content, 1)
    interpreter.allocate_tensors()
    ends = file.named_inputs
    rows: list[list[np.ndarray]] = [[] for _ in interpreter.get_output_details()]
    for number in range(len(next(iter(inputs.values())))):
        for name, tensor in ends.items():
            value = inputs[name] if name in inputs else next(iter(inputs.values()))
            interpreter.set_tensor(tensor.index, value[number].reshape(tensor.shape))
        interpreter.invoke()
        for row, output in zip(rows, interpreter.get_output_details(), strict=True):
            row.append(interpreter.get_tensor(output["index"])[0].copy())
    return [np.stack(row) for row in rows]


def nearest(wanted: list[Any], found: list[np.ndarray]) -> float:
    """The outputs of a file are in an order of its own: each of them is that which is nearest."""
    worst = 0.0
    for each in wanted:
        alike = [other for other in found if other[0].size == np.asarray(each)[0].size]
        worst = max(worst, min(apart([each], [other]) for other in alike))
    return worst
