"""Inputs and outputs in uint8: a QUANTIZE before or behind int8 ones moves codes by 128."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import new_operators, operators

_MOVED = 128  # uint8 code = int8 code + 128, at the same scale


def make_unsigned(tree: Any, inputs: bool, outputs: bool) -> None:
    """Turns int8 inputs, outputs or both into uint8."""
    graph, (signature,) = tree.subgraphs[0], tree.signatureDefs
    if inputs:
        for index in _int8(graph, graph.inputs):
            outer = _twin(graph, index)
            graph.operators = [
                new_operators.operator(tree, "QUANTIZE", [outer], index),
                *graph.operators,
            ]
            graph.inputs = np.where(graph.inputs == index, outer, graph.inputs).astype(np.int32)
            _point(signature.inputs, index, outer)
    if outputs:
        for index in _int8(graph, graph.outputs):
            outer = _twin(graph, index)
            graph.operators = [
                *graph.operators,
                new_operators.operator(tree, "QUANTIZE", [index], outer),
            ]
            graph.outputs = np.where(graph.outputs == index, outer, graph.outputs).astype(np.int32)
            _point(signature.outputs, index, outer)


def _int8(graph: Any, ends: Any) -> list[int]:
    return [int(i) for i in ends if operators.type_name(graph.tensors[i]) == "INT8"]


def _twin(graph: Any, index: int) -> int:
    inner = graph.tensors[index]
    quantization = schema.QuantizationParametersT(
        scale=inner.quantization.scale, zeroPoint=inner.quantization.zeroPoint + _MOVED
    )
    graph.tensors.append(
        schema.TensorT(
            type=schema.TensorType.UINT8,
            shape=inner.shape,
            hasRank=True,
            quantization=quantization,
        )
    )
    return len(graph.tensors) - 1


def _point(entries: Any, old: int, new: int) -> None:
    for entry in entries:
        if entry.tensorIndex == old:
            entry.tensorIndex = new
