"""Divides in float where the divisor is computed.

The mean over a row that is all padding is 0 / 0. In float that is not a number; LiteRT's integer
division stops the whole file at a divisor whose code stands for 0, which any range contains.
"""

from typing import Any

import numpy as np

from tfedge.export.tree import new_operators, operators

_INTEGERS = ("INT8", "INT16")


def move_to_float(model: Any) -> None:
    """Edits an unpacked file: such divisions are in float, between the codes they had."""
    for graph in model.subgraphs:
        moved: list[Any] = []
        for operator in graph.operators:
            can_fail = _can_fail(model, graph, operator)
            moved += _steps(model, graph, operator) if can_fail else [operator]
        graph.operators = moved


def _can_fail(model: Any, graph: Any, operator: Any) -> bool:
    if operators.kind(model, operator) != "DIV":
        return False
    divisor = graph.tensors[operator.inputs[1]]
    return operators.type_name(divisor) in _INTEGERS and not operators.is_constant(model, divisor)


def _steps(model: Any, graph: Any, division: Any) -> list[Any]:
    """DEQUANTIZE of both operands, the division, QUANTIZE."""
    output = int(division.outputs[0])
    operands = [new_operators.float_tensor(graph, int(index)) for index in division.inputs]
    result = new_operators.float_tensor(graph, output)
    before = [
        new_operators.operator(model, "DEQUANTIZE", [int(codes)], real)
        for codes, real in zip(division.inputs, operands, strict=True)
    ]
    division.inputs = np.array(operands, np.int32)
    division.outputs = np.array([result], np.int32)
    return [*before, division, new_operators.operator(model, "QUANTIZE", [result], output)]
