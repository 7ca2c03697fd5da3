"""Large constants that stay float among integer kernels, such as a table of places, in two bytes.

They are unpacked once, before any run, as those of a float16 file. Rounding takes at most a 2048th
of each number, where kernels lose a 14th or a 254th of their largest.
"""

import collections
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import new_operators, operators

_READERS = ("ADD", "SUB", "MUL")
_FEWEST = 256  # numbers, from which on the operator that unpacks them is worth its bytes
_HALF = np.finfo(np.float16)


def store(tree: Any) -> None:
    """Stores them so.

    Args:
        tree: of a file whose kernels are integers.
    """
    for graph in tree.subgraphs:
        readers = collections.defaultdict(set)
        for each in graph.operators:
            for index in map(int, each.inputs):
                readers[index].add(operators.kind(tree, each))
        ends = {int(index) for index in (*graph.inputs, *graph.outputs)}
        for index, kinds in readers.items():
            if index >= 0 and index not in ends and kinds <= {*_READERS}:
                if _fits(tree, graph.tensors[index]):
                    _halve(tree, graph, index)


def _fits(tree: Any, tensor: Any) -> bool:
    is_float = operators.type_name(tensor) == "FLOAT32" and operators.is_constant(tree, tensor)
    if not is_float or np.prod(tensor.shape) < _FEWEST:
        return False
    return bool(np.abs(operators.values(tree, tensor)).max() <= _HALF.max)


def _halve(tree: Any, graph: Any, index: int) -> None:
    """The tensor is computed now, of a constant beside it."""
    tensor = graph.tensors[index]
    half = schema.TensorT(type=schema.TensorType.FLOAT16, shape=tensor.shape, name=tensor.name)
    operators.set_values(tree, half, operators.values(tree, tensor))
    tensor.buffer, tensor.name = 0, None
    graph.tensors.append(half)
    unpack = new_operators.operator(tree, "DEQUANTIZE", [len(graph.tensors) - 1], index)
    graph.operators.insert(0, unpack)
