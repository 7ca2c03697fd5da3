"""Brings a tensor of a float file to one scale, and lets the kernels that read it take that back.

`x @ w + b` is `((x - mean) / deviation) @ (deviation * w) + (b + mean @ w)`.
"""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.compress.ranges import column_noise, column_statistics
from tfedge.export.tree import operators

# operator -> the axes of its kernel to sum for what goes into each output
_SUMMED = {"FULLY_CONNECTED": (1,), "CONV_2D": (1, 2, 3), "DEPTHWISE_CONV_2D": (0, 1, 2)}
_CENTRED = 0.25  # deviations: means as near to 0 need no operator to take them off


@dataclasses.dataclass(frozen=True, eq=False)
class OneScale:
    """What is taken off a tensor's columns, and what they are divided by then."""

    mean: np.ndarray
    deviation: np.ndarray


def readers(tree: Any, tensor: int, consumers: Sequence[Any]) -> list[operators.Weighted] | None:
    """The kernels that read a tensor; None unless each consumer has one of its own that fits."""
    graph = tree.subgraphs[0]
    kernels = {id(each.operator): each for each in operators.weighted(tree)}
    uses = [int(index) for each in graph.operators for index in each.inputs]
    found = [kernels.get(id(consumer)) for consumer in consumers]
    fitting = [
        each
        for each in found
        if each is not None and _fits(graph, each, tensor) and uses.count(each.kernel) == 1
    ]
    return fitting if len(fitting) == len(found) else None


def needed(
    tree: Any, columns: column_statistics.Columns, found: Sequence[operators.Weighted]
) -> OneScale | None:
    """What would bring columns to one scale, if the kernels that read them suffer without."""
    if not columns.lost or not np.isfinite(columns.mean).all():
        return None
    mean = columns.mean.astype(np.float32)
    is_centred = np.all(np.abs(mean) < _CENTRED * columns.deviation)
    if is_centred or not all(_takes_an_offset(reader.operator) for reader in found):
        mean = 0 * mean
    made = OneScale(mean, columns.deviation)
    return made if any(_suffers(tree, each, columns, made) for each in found) else None


def put(tree: Any, tensor: int, found: Sequence[operators.Weighted], one: OneScale) -> None:
    """SUB and MUL behind a tensor, and the kernels that read it take them back."""
    graph, given, made = tree.subgraphs[0], tensor, list[Any]()
    if one.mean.any():
        given = _computed(tree, "SUB", given, one.mean, made)
    given = _computed(tree, "MUL", given, 1 / one.deviation, made)
    for reader in found:
        _take_back(tree, reader, one)
        reader.operator.inputs = np.array([given, *reader.operator.inputs[1:]], np.int32)
    makers = [
        place for place, each in enumerate(graph.operators) if tensor in map(int, each.outputs)
    ]
    behind = makers[0] + 1 if makers else 0
    graph.operators[behind:behind] = made


def _fits(graph: Any, reader: operators.Weighted, tensor: int) -> bool:
    kernel, columns = graph.tensors[reader.kernel], int(graph.tensors[tensor].shape[-1])
    if reader.kind not in _SUMMED or kernel.type != schema.TensorType.FLOAT32:
        return False
    channels = int(kernel.shape[-1])
    is_depthwise = reader.kind == "DEPTHWISE_CONV_2D"
    fits = channels % columns == 0 if is_depthwise else channels == columns
    return fits and reader.input == tensor and int(reader.operator.inputs[1]) == reader.kernel


def _takes_an_offset(operator: Any) -> bool:
    """Whether an input moved by a constant moves the output by one: no zeros are padded in."""
    valid = schema.Padding.VALID
    return getattr(operator.builtinOptions, "padding", valid) == valid


def _suffers(
    tree: Any, reader: operators.Weighted, columns: column_statistics.Columns, one: OneScale
) -> bool:
    kernel = _values(tree, reader.kernel).astype(np.float64)

    def power(size: np.ndarray) -> np.ndarray:
        return _sum(reader, _along(kernel, size) ** 2)

    ends = ((each - one.mean) / one.deviation for each in (columns.low, columns.high))
    step = column_noise.step(columns.low, columns.high)
    at_one_scale = column_noise.step(*ends) * one.deviation
    return column_noise.shows(
        power, columns.spread, np.full_like(columns.spread, step), at_one_scale
    )


def _take_back(tree: Any, reader: operators.Weighted, one: OneScale) -> None:
    kernel = _values(tree, reader.kernel)
    if one.mean.any():
        bias = _sum(reader, _along(kernel.astype(np.float64), one.mean))
        if reader.bias >= 0:
            bias = bias + _values(tree, reader.bias)
        inputs = [*reader.operator.inputs[:2], _constant(tree, bias)]
        reader.operator.inputs = np.array(inputs, np.int32)
    tensor = tree.subgraphs[0].tensors[reader.kernel]
    operators.set_values(tree, tensor, _along(kernel, one.deviation))


def _values(tree: Any, tensor: int) -> np.ndarray:
    return operators.values(tree, tree.subgraphs[0].tensors[tensor])


def _along(kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The kernel times one value for each input channel."""
    return kernel * np.repeat(values, kernel.shape[-1] // len(values))


def _sum(reader: operators.Weighted, weights: np.ndarray) -> np.ndarray:
    """Of all that goes into each output channel."""
    return weights.sum(axis=_SUMMED[reader.kind])


def _computed(tree: Any, kind: str, given: int, constant: np.ndarray, made: list[Any]) -> int:
    number = getattr(schema.BuiltinOperator, kind)
    code = schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=1)
    tree.operatorCodes = [*tree.operatorCodes, code]
    twin = copy.copy(tree.subgraphs[0].tensors[given])
    twin.buffer = 0
    result = _named(tree, twin)
    title = kind.capitalize()
    made.append(
        schema.OperatorT(
            opcodeIndex=len(tree.operatorCodes) - 1,
            inputs=np.array([given, _constant(tree, constant)], np.int32),
            outputs=np.array([result], np.int32),
            builtinOptionsType=getattr(schema.BuiltinOptions, f"{title}Options"),
            builtinOptions=getattr(schema, f"{title}OptionsT")(),
        )
    )
    return result


def _constant(tree: Any, values: np.ndarray) -> int:
    shape = np.array(values.shape, np.int32)
    tensor = schema.TensorT(shape=shape, type=schema.TensorType.FLOAT32)
    operators.set_values(tree, tensor, values)
    return _named(tree, tensor)


def _named(tree: Any, tensor: Any) -> int:
    tensors = tree.subgraphs[0].tensors
    tensor.name = f"tensor_{len(tensors)}".encode()
    tensors.append(tensor)
    return len(tensors) - 1
