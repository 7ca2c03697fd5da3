"""Keeps the kernels of a large model out of TensorFlow's converter, which copies each five times.

While the model is traced, one number stands for a whole kernel; what folds and fuses does not look
at its values. What the converter computes of them is computed here as it does, and put into its
file. Where it has made anything else of the number or of the bias behind it, the model is converted
again with all of its weights.
"""

import contextlib
import copy
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts
from tfedge.export.edits import lineage
from tfedge.export.tree import operators

_LARGE_MODEL, _LARGE_KERNEL = 1 << 24, 1 << 20  # weights
_DENSE = facts.KernelAxes("kernel", outputs=(1,), input=0)
_NUMBER, _STEP = 2.0**-10, 2.0**-7  # that stands for the first kernel; how much larger the next is
_SAME = 1e-5
_LARGEST_CODE, _LARGEST_BIAS = 127, 2.0**30


class ChangedError(Exception):
    """The converter has made something else of a kernel or of its bias."""


@dataclasses.dataclass(frozen=True, eq=False)
class Kept:
    """A dense layer whose kernel the converter does not see.

    Attributes:
        number: what stands in its place, everywhere.
        kernel: the variable.
        bias: likewise, None without one.
    """

    number: float
    kernel: Any
    bias: Any

    @property
    def rows(self) -> np.ndarray:
        """The kernel as it lies in a file, one output a row."""
        return np.ascontiguousarray(lineage.values(self.kernel).T)


@dataclasses.dataclass(frozen=True)
class _Filled:
    """A constant that is made where it is traced: a graph keeps its one number, not the whole.

    Attributes:
        number: everywhere in it.
        shape: of the kernel.
    """

    number: float
    shape: tuple[int, ...]

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        """By TensorFlow, where a layer computes with it."""
        return tf.constant(self.number, dtype or tf.float32, self.shape, name or "kernel")


@contextlib.contextmanager
def large_kernels(model: Any) -> Iterator[tuple[Kept, ...]]:
    """While this is open, dense layers of a large tf_keras model compute with one number each."""
    layers = _large(model)
    found = tuple(
        Kept(_NUMBER * (1 + number * _STEP), layer.kernel, layer.bias)
        for number, layer in enumerate(layers)
    )
    try:
        for layer, kept in zip(layers, found, strict=True):
            vars(layer)["kernel"] = _Filled(kept.number, tuple(kept.kernel.shape))
        yield found
    finally:
        for layer, kept in zip(layers, found, strict=True):
            vars(layer)["kernel"] = kept.kernel


def put_back(tree: Any, kept: Sequence[Kept]) -> Any:
    """The converter's tree with the kernels in place of their numbers.

    Args:
        tree: it is not used any more.
        kept: what `large_kernels` gave.

    Raises:
        ChangedError: it is not known what belongs into the file.
    """
    done, seen, before = set[int](), set[Kept](), len(tree.buffers)
    for operator in operators.weighted(tree):
        tensors = operator.graph.tensors
        touched = {id(tensors[index]) for index in (operator.kernel, operator.bias) if index >= 0}
        if np.prod(tensors[operator.kernel].shape) < _LARGE_KERNEL or touched <= done:
            continue
        if touched & done:
            raise ChangedError
        one = _standing_for(tree, operator, kept)
        if one is None:
            continue
        _put(tree, operator, one)
        seen.add(one)
        done |= touched
    if len(seen) < len(kept):
        raise ChangedError
    used = {tensor.buffer for graph in tree.subgraphs for tensor in graph.tensors}
    for number, buffer in enumerate(tree.buffers):
        if number not in used:
            buffer.data = None
    new = [buffer.data for buffer in tree.buffers[before:]]
    return copy.deepcopy(tree, {id(data): data for data in new})  # lets go of the whole file


def _large(model: Any) -> list[Any]:
    if not graph.is_functional(model) or model.count_params() < _LARGE_MODEL:
        return []
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if facts.of(layer).kernel == _DENSE and np.prod(layer.kernel.shape) >= _LARGE_KERNEL
    ]


def _standing_for(tree: Any, operator: operators.Weighted, kept: Sequence[Kept]) -> Kept | None:
    """The one whose number fills a kernel; None of a kernel that was not kept out."""
    tensor = operator.graph.tensors[operator.kernel]
    rows = lineage.rows(operators.values(tree, tensor), operator.channel_axis)
    if (rows != rows[:, :1]).any():
        return None
    said = tensor.quantization
    step = 1.0 if said is None or said.scale is None else float(said.scale[0])
    first = float(rows[0, 0]) * step
    for each in kept:
        if abs(first / each.number - 1) < _SAME and tuple(tensor.shape) == each.kernel.shape[::-1]:
            if (rows == rows[0, 0]).all():
                return each
    raise ChangedError


def _put(tree: Any, operator: operators.Weighted, kept: Kept) -> None:
    tensor, rows = operator.graph.tensors[operator.kernel], kept.rows
    if operators.type_name(tensor) == "FLOAT32":
        operators.set_values(tree, tensor, rows)
        return
    scales = np.maximum(rows.max(axis=1), -rows.min(axis=1)).astype(np.float64) / _LARGEST_CODE
    if operators.type_name(tensor) != "INT8" or not scales.all():
        raise ChangedError
    _put_bias(tree, operator, kept, scales)
    rows /= scales.astype(np.float32)[:, None]
    operators.set_values(tree, tensor, np.round(rows, out=rows))
    tensor.quantization.scale = scales.astype(np.float32)
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)


def _put_bias(tree: Any, operator: operators.Weighted, kept: Kept, scales: np.ndarray) -> None:
    """The bias on the scales of the kernel, if it is the layer's on those of the number."""
    if operator.bias < 0:
        return
    tensor = operator.graph.tensors[operator.bias]
    real = np.zeros(len(scales)) if kept.bias is None else kept.bias.numpy().astype(np.float64)
    found = operators.real_values(tree, tensor)
    off = np.abs(found - real) > tensor.quantization.scale + _SAME * np.abs(real)
    steps = float(operator.graph.tensors[operator.input].quantization.scale[0]) * scales
    codes = np.round(real / steps)
    if off.any() or np.abs(codes).max() > _LARGEST_BIAS:
        raise ChangedError
    operators.set_values(tree, tensor, codes)
    tensor.quantization.scale = steps.astype(np.float32)
    tensor.quantization.zeroPoint = np.zeros(len(steps), np.int64)
