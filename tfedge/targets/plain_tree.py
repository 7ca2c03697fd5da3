"""A .tflite as converters of others read it: with names, and operators that they know.

tfedge's files have no names but those of kernels, and leave out what the interpreter does not need.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.edits import naming
from tfedge.export.tree import flatbuffer, new_operators, operators

_KERNEL = "/kernel"
_PATH = frozenset("/;:")
_FEW_BITS = (schema.TensorType.INT4, schema.TensorType.INT2)


def of(content: bytes) -> Any:
    """The unpacked file: every tensor and graph named, nothing left to be understood.

    An input or output has the signature's name, a kernel that of its layer and "/kernel".
    """
    tree = flatbuffer.unpack(content)
    kernels = dict(_kernels(tree))
    for number, graph in enumerate(tree.subgraphs):
        graph.name = f"graph_{number}".encode()
        for tensor in graph.tensors:
            tensor.name = kernels.get(id(tensor))
            _complete(tensor)
            _widen(tree, tensor)
        for operator in graph.operators:
            _as_gather(tree, operator)
            _without_empty_shape(operator)
    for code in tree.operatorCodes:
        _state_twice(code)
    naming.name_all(tree, [name.decode() for name in kernels.values()])
    return tree


def _kernels(tree: Any) -> Iterator[tuple[int, bytes]]:
    """The name of each kernel that is called after a layer, and not by a converter's path."""
    for found in (*operators.weighted(tree), *operators.tables(tree)):
        tensor = found.graph.tensors[found.kernel]
        name = (tensor.name or b"").decode()
        if name and not _PATH.intersection(name):
            yield id(tensor), f"{name}{_KERNEL}".encode()


def _complete(tensor: Any) -> None:
    """Scales have zero points, also where those are all 0; no scales is no quantization."""
    said = tensor.quantization
    if said is None:
        return
    if said.scale is None or not len(said.scale):
        tensor.quantization = None
    elif said.zeroPoint is None or not len(said.zeroPoint):
        said.zeroPoint = np.zeros(len(said.scale), np.int64)


def _widen(tree: Any, tensor: Any) -> None:
    """Weights of 4 or 2 bits as the same numbers in 8; scales of blocks have no place there."""
    said = tensor.quantization
    if tensor.type not in _FEW_BITS or said is None or said.scale is None:
        return
    stored = operators.values(tree, tensor)
    tensor.type = schema.TensorType.INT8
    operators.set_values(tree, tensor, stored)


def _without_empty_shape(operator: Any) -> None:
    """Options of a RESHAPE that say no shape: the constant beside them does."""
    options = operator.builtinOptions
    if isinstance(options, schema.ReshapeOptionsT) and options.newShape is None:
        operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.NONE, None


def _as_gather(tree: Any, operator: Any) -> None:
    """Rows of a table by the operator that other formats have, too."""
    if operators.kind(tree, operator) != "EMBEDDING_LOOKUP":
        return
    numbers, table = operator.inputs
    operator.inputs = np.array([table, numbers], np.int32)
    operator.opcodeIndex = new_operators.operator_code(tree, "GATHER")
    operator.builtinOptionsType = schema.BuiltinOptions.GatherOptions
    operator.builtinOptions = schema.GatherOptionsT()


def _state_twice(code: Any) -> None:
    """The interpreter takes the larger of two numbers, tf2onnx the older one."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    code.builtinCode = number
    code.deprecatedBuiltinCode = min(
        number, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
    )
