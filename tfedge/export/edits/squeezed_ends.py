"""A last sigmoid or exponential in float, of files whose layers cannot be read.

Between integers it has 0 for each small probability and count; what it reads has as many steps for
these as for any. See `compress.ranges.uneven_outputs`, which does so in models.
"""

from typing import Any

import numpy as np

from tfedge.export.tree import new_operators, operators

_SQUEEZING = ("LOGISTIC", "EXP")


def move_to_float(tree: Any) -> None:
    """Edits the main graph: DEQUANTIZE stands in front of them where it stood behind."""
    graph = tree.subgraphs[0]
    ends, made_by = set(map(int, graph.outputs)), _made_by(graph)
    for last in list(graph.operators):
        if operators.kind(tree, last) != "DEQUANTIZE" or int(last.outputs[0]) not in ends:
            continue
        codes = int(last.inputs[0])
        function = made_by.get(codes)
        if function is None or operators.kind(tree, function) not in _SQUEEZING:
            continue
        if codes in ends or sum(codes in each.inputs for each in graph.operators) > 1:
            continue
        _swap(graph, function, last)


def _made_by(graph: Any) -> dict[int, Any]:
    return {int(index): each for each in graph.operators for index in each.outputs}


def _swap(graph: Any, function: Any, last: Any) -> None:
    """Codes -> function -> codes -> last -> float, as codes -> last -> float -> function."""
    codes, output = int(function.inputs[0]), int(last.outputs[0])
    between = new_operators.float_tensor(graph, codes)
    last.inputs, last.outputs = np.array([codes], np.int32), np.array([between], np.int32)
    function.inputs, function.outputs = last.outputs.copy(), np.array([output], np.int32)
    graph.operators.remove(last)
    graph.operators.insert(graph.operators.index(function), last)
