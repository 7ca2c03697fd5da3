"""Examples for a file that comes without data: the same numbers every time, only good for a run."""

import numpy as np

from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import graph, tflite

_COUNT = 2


def task(file: tflite.TfliteFile) -> Task:
    """A task of `_COUNT` examples that fit the inputs of a file.

    Reals are drawn from 0..1. Integers are 0 or 1, which are rows of any table and counts of
    anything.
    """
    draw = np.random.default_rng(0)
    x = {name: _values(tensor, draw) for name, tensor in file.named_inputs.items()}
    split = ArraySplit(x, np.zeros((_COUNT, 1), np.float32))
    return Task("seeded inputs", "custom", split, split, split)


def _values(tensor: graph.Tensor, draw: np.random.Generator) -> np.ndarray:
    shape = (_COUNT, *tensor.shape[1:])
    if tensor.dtype.startswith("FLOAT") or len(tensor.scales):
        return draw.random(shape, np.float32)
    return draw.integers(0, 2, shape).astype(tensor.dtype.lower())
