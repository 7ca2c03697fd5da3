"""Integer biases follow the scales: bias = round(real bias / (input scale * kernel scale)).

Whoever changes a scale in a file takes the real biases first and restates them afterwards, so
that what an operator computes stays the same.
Specification: https://ai.google.dev/edge/litert/models/quantization_spec
"""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.export import operators


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


def restate(model: Any, biases: Sequence[Bias], tolerance: float = 0.0) -> None:
    """Writes biases into an unpacked file anew, for the scales it has now.

    Args:
        model: edited in place.
        biases: what `take` gave before the scales were changed.
        tolerance: how far a bias may move, in steps of the operator's output; within it the bias
            is rounded to a multiple of a power of two, whose zero bits deflate.
    """
    written: dict[int, np.ndarray] = {}
    for bias in biases:
        graph, operator = bias.operator.graph, bias.operator.operator
        scales = _scales(graph, bias.operator)
        index = bias.operator.bias
        if index in written and not np.array_equal(written[index], scales):
            graph.tensors.append(copy.deepcopy(graph.tensors[index]))
            operator.inputs = np.where(
                operator.inputs == index, len(graph.tensors) - 1, operator.inputs
            ).astype(np.int32)
            index = len(graph.tensors) - 1
        tensor = graph.tensors[index]
        output_step = float(graph.tensors[bias.operator.output].quantization.scale[0])
        codes = _rounded(bias.real / scales, 2 * tolerance * output_step / scales)
        limits = np.iinfo(np.int32)
        operators.set_values(model, tensor, np.clip(codes, limits.min, limits.max))
        tensor.quantization.scale = scales
        tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        tensor.quantization.quantizedDimension = 0
        written[index] = scales


def _scales(graph: Any, operator: operators.Weighted) -> np.ndarray:
    source = graph.tensors[operator.input].quantization.scale
    kernel = graph.tensors[operator.kernel].quantization.scale
    return np.float32(source[0]) * np.asarray(kernel, np.float32)


def _rounded(values: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """`values` as integers that are multiples of the largest power of two within `widths`."""
    step = 2.0 ** np.floor(np.log2(np.maximum(widths, 1.0)))
    return np.round(values / step) * step
