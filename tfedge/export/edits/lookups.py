"""Rows of tables are looked up, so that a table can have few bits and scales of its own.

TensorFlow's converter makes GATHER of an Embedding. It moves codes, so the table has the type and
the one scale of the activation that comes out, and none of 4 bits. EMBEDDING_LOOKUP gives floats
of whatever the table holds: INT8 with a scale for all or for each row, INT4 and INT2 with float16
scales (LiteRT 2.3, measured). It takes numbers along one axis, so there is a RESHAPE before and
behind it; where integers go on, a QUANTIZE between.
"""

import copy
from collections.abc import Collection
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.compress.integers.codes import INT8_MAX
from tfedge.export.tree import new_operators, operators

_OF_NUMBERS = ("INT32", "INT64")
_OF_ROWS = ("FLOAT32", "INT8")


def put(tree: Any, names: Collection[str] | None = None) -> None:
    """In place of each GATHER of rows of a constant table; outputs stay what they were.

    A table of codes comes out with one scale and a zero point of 0, as EMBEDDING_LOOKUP wants it.

    Args:
        tree: of any file.
        names: of tables; those of others stay as they are. None: all.
    """
    done: set[int] = set()
    for table in tuple(operators.tables(tree)):
        tensor = table.graph.tensors[table.kernel]
        is_asked = names is None or (tensor.name or b"").decode() in names
        if is_asked and _fits(table):
            if operators.type_name(tensor) == "INT8" and id(tensor) not in done:
                _make_symmetric(tree, tensor)
            done.add(id(tensor))
            _replace(tree, table)


def _fits(table: operators.Weighted) -> bool:
    tensors = table.graph.tensors
    numbers, rows = tensors[table.input], tensors[int(table.operator.inputs[0])]
    return (
        operators.type_name(numbers) in _OF_NUMBERS
        and operators.type_name(rows) in _OF_ROWS
        and list(_shape(tensors[table.output])).count(-1) <= 1
    )


def _make_symmetric(tree: Any, tensor: Any) -> None:
    """The same numbers, rounded once more, in codes around 0."""
    real = operators.real_values(tree, tensor)
    step = float(np.abs(real).max(initial=0.0)) / INT8_MAX or 1.0
    operators.set_values(tree, tensor, np.round(real / step))
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.array([step], np.float32)
    tensor.quantization.zeroPoint = np.zeros(1, np.int64)


def _replace(tree: Any, table: operators.Weighted) -> None:
    """The operators that take its place, in order."""
    graph, output = table.graph, table.graph.tensors[table.output]
    numbers, made = table.input, list[Any]()

    def add(kind: str, inputs: list[int], result: int) -> int:
        made.append(new_operators.operator(tree, kind, inputs, result))
        return result

    if operators.type_name(graph.tensors[numbers]) == "INT64":
        numbers = add("CAST", [numbers], _tensor(graph, output, "INT32", graph.tensors[numbers]))
    if len(_shape(graph.tensors[numbers])) != 1:
        flat = _tensor(graph, output, "INT32", shape=(_count(graph.tensors[numbers]),))
        numbers = add("RESHAPE", [numbers, _constant(tree, graph, (-1,))], flat)
    width = int(graph.tensors[table.kernel].shape[-1])
    shape = (_count(graph.tensors[numbers]), width)
    is_flat, is_float = len(_shape(output)) == 2, operators.type_name(output) == "FLOAT32"
    rows = table.output
    if not (is_flat and is_float):
        rows = _tensor(graph, output, "FLOAT32", shape=shape)
    add("EMBEDDING_LOOKUP", [numbers, table.kernel], rows)
    if not is_float:
        codes = table.output if is_flat else _tensor(graph, output, shape=shape)
        rows = add("QUANTIZE", [rows], codes)
    if not is_flat:
        add("RESHAPE", [rows, _constant(tree, graph, _shape(output))], table.output)
    place = next(n for n, each in enumerate(graph.operators) if each is table.operator)
    graph.operators[place : place + 1] = made


def _shape(tensor: Any) -> tuple[int, ...]:
    """With -1 where it is open."""
    signed = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return tuple(int(size) for size in signed)


def _count(tensor: Any) -> int:
    return int(np.prod(tensor.shape))


def _tensor(
    graph: Any, output: Any, kind: str = "", like: Any = None, shape: tuple[int, ...] = ()
) -> int:
    """A new tensor that bears the name of what the table gives; like that where nothing is said."""
    tensor = copy.copy(output if like is None else like)
    tensor.name, tensor.buffer = output.name, 0
    if kind:
        tensor.type, tensor.quantization = getattr(schema.TensorType, kind), None
    if shape:
        tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _constant(tree: Any, graph: Any, numbers: tuple[int, ...]) -> int:
    tensor = schema.TensorT(type=schema.TensorType.INT32, shape=np.array([len(numbers)], np.int32))
    operators.set_values(tree, tensor, np.array(numbers))
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
