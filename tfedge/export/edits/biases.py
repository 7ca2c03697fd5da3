"""Integer biases follow the scales: bias = round(real bias / (input scale * kernel scale)).

Whoever changes a scale in a file takes the real biases first and writes them anew afterwards, so
that what an operator computes stays the same.
Specification: https://ai.google.dev/edge/litert/models/quantization_spec
"""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.export.tree import operators

_LARGEST = {"INT32": 2.0**30, "INT64": 2.0**38}  # the accumulator needs room beside the bias


@dataclasses.dataclass(frozen=True, eq=False)
class Bias:
    """An integer bias: its operator, and the (channels,) numbers it stands for."""

    operator: operators.Weighted
    real: np.ndarray


def take(model: Any) -> tuple[Bias, ...]:
    """The quantized biases of an unpacked file."""
    return tuple(
        Bias(operator, operators.real_values(model, operator.graph.tensors[operator.bias]))
        for operator in operators.weighted(model)
        if operator.bias >= 0
        and operators.is_constant(model, operator.graph.tensors[operator.bias])
        and operators.type_name(operator.graph.tensors[operator.bias]) in ("INT32", "INT64")
    )


def requantize_biases(model: Any, biases: Sequence[Bias], tolerance: float = 0.0) -> None:
    """Writes biases into an unpacked file anew, for the scales it has now.

    Args:
        model: edited in place. Where a bias does not fit its integers, since next to nothing
            comes in, the scale of what comes in is raised until it does.
        biases: what `take` gave before the scales were changed.
        tolerance: how far a bias may move, in steps of the operator's output; within it the bias
            is rounded to a multiple of a power of two, whose zero bits deflate.
    """
    for bias in biases:
        _make_room(model, bias)
    written: dict[int, np.ndarray] = {}
    for bias in biases:
        tensor = _own_tensor(bias, written)
        scales = written[id(tensor)]
        output = bias.operator.graph.tensors[bias.operator.output]
        widths = 2 * tolerance * float(output.quantization.scale[0]) / scales
        operators.set_values(model, tensor, _rounded(bias.real / scales, widths))
        tensor.quantization.scale = scales
        tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        tensor.quantization.quantizedDimension = 0


def _make_room(model: Any, bias: Bias) -> None:
    tensors = bias.operator.graph.tensors
    largest = _LARGEST[operators.type_name(tensors[bias.operator.bias])]
    kernel = tensors[bias.operator.kernel].quantization.scale.astype(np.float64)
    now = tensors[bias.operator.input].quantization.scale
    needed = float(np.max(np.abs(bias.real) / kernel)) / largest
    if float(now[0]) >= needed:
        return
    raised = now * np.float32(2.0 ** np.ceil(np.log2(needed / now[0])))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            # All of this scale: operators that only move values want equal ones.
            if (
                tensor.quantization is not None
                and np.array_equal(tensor.quantization.scale, now)
                and not operators.is_constant(model, tensor)
            ):
                tensor.quantization.scale = raised


def _own_tensor(bias: Bias, written: dict[int, np.ndarray]) -> Any:
    """The bias' tensor; a copy where another operator has it in other scales (noted)."""
    graph, operator = bias.operator.graph, bias.operator.operator
    scales = _scales(graph, bias.operator)
    tensor = graph.tensors[bias.operator.bias]
    if not np.array_equal(written.get(id(tensor), scales), scales):
        tensor = copy.deepcopy(tensor)
        graph.tensors.append(tensor)
        operator.inputs = np.where(
            operator.inputs == bias.operator.bias, len(graph.tensors) - 1, operator.inputs
        ).astype(np.int32)
    written[id(tensor)] = scales
    return tensor


def _scales(graph: Any, operator: operators.Weighted) -> np.ndarray:
    source = graph.tensors[operator.input].quantization.scale
    kernel = graph.tensors[operator.kernel].quantization.scale
    return np.float32(source[0]) * np.asarray(kernel, np.float32)


def _rounded(values: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """`values` as integers that are multiples of the largest power of two within `widths`."""
    step = 2.0 ** np.floor(np.log2(np.maximum(widths, 1.0)))
    return np.round(values / step) * step
