"""The one scale that LiteRT's SOFTMAX has on integers, where the converter has given it another.

It makes one of an exponential over its sum, and leaves it the range that the quotient was trained
with; LiteRT does not load that.
"""

import copy
from typing import Any

import numpy as np

from tfedge.export.tree import new_operators, operators

_FIXED = {"INT8": (1 / 256, -128), "INT16": (1 / 32768, 0)}


def settle(tree: Any) -> None:
    """Edits an unpacked file: SOFTMAX puts out its own codes, and QUANTIZE makes those wanted."""
    for graph in tree.subgraphs:
        settled: list[Any] = []
        for operator in graph.operators:
            settled.append(operator)
            if operators.kind(tree, operator) == "SOFTMAX":
                settled += _requantized(tree, graph, operator)
        graph.operators = settled


def _requantized(tree: Any, graph: Any, operator: Any) -> list[Any]:
    wanted = int(operator.outputs[0])
    tensor = graph.tensors[wanted]
    fixed = _FIXED.get(operators.type_name(tensor))
    if fixed is None or np.allclose(tensor.quantization.scale, fixed[0], rtol=1e-3, atol=0):
        return []
    own = copy.deepcopy(tensor)
    own.quantization.scale = np.array([fixed[0]], np.float32)
    own.quantization.zeroPoint = np.array([fixed[1]], np.int64)
    graph.tensors.append(own)
    operator.outputs = np.array([len(graph.tensors) - 1], np.int32)
    return [new_operators.operator(tree, "QUANTIZE", [len(graph.tensors) - 1], wanted)]
