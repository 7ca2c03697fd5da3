"""Gives a file the whole-number inputs back that its model has, such as pixels in uint8."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import new_operators, operators

_BYTES = ("UINT8", "INT8")


def restore(tree: Any, types: Mapping[str, str]) -> None:
    """Gives inputs other types.

    A byte whose scale is 1 and whose zero point is 0 is the number itself, and LiteRT makes a
    code of another scale of it in the one operator that a float input has as well.

    Args:
        tree: with float32 inputs.
        types: input -> type, such as "uint8" or "int32".
    """
    graph = tree.subgraphs[0]
    for signature in tree.signatureDefs:
        for entry in signature.inputs:
            name = entry.name.decode()
            if name in types:
                before = entry.tensorIndex
                entry.tensorIndex = _put(tree, before, types[name].upper())
                graph.inputs = np.where(graph.inputs == before, entry.tensorIndex, graph.inputs)


def _put(model: Any, index: int, kind: str) -> int:
    """Puts an input in front of a float32 one; its index."""
    graph = model.subgraphs[0]
    readers = [operator for operator in graph.operators if index in operator.inputs]
    if kind in _BYTES and all(_makes_codes(model, graph, reader) for reader in readers):
        as_it_is = {"scale": np.ones(1, np.float32), "zeroPoint": np.zeros(1, np.int64)}
        given = _tensor(graph, index, kind, **as_it_is)
        for reader in readers:
            reader.inputs = np.array([given], np.int32)
        return given
    given = _tensor(graph, index, kind)
    cast = schema.OperatorT(
        opcodeIndex=new_operators.operator_code(model, "CAST"),
        inputs=np.array([given], np.int32),
        outputs=np.array([index], np.int32),
        builtinOptionsType=schema.BuiltinOptions.CastOptions,
        builtinOptions=schema.CastOptionsT(),
    )
    graph.operators = [cast, *graph.operators]
    return given


def _makes_codes(model: Any, graph: Any, operator: Any) -> bool:
    """Whether it is a QUANTIZE to int8: to int16 it takes no bytes."""
    to_int8 = operators.type_name(graph.tensors[int(operator.outputs[0])]) == "INT8"
    return operators.kind(model, operator) == "QUANTIZE" and to_int8


def _tensor(graph: Any, like: int, kind: str, **quantization: Any) -> int:
    graph.tensors.append(
        schema.TensorT(
            type=getattr(schema.TensorType, kind),
            shape=graph.tensors[like].shape,
            hasRank=True,
            quantization=schema.QuantizationParametersT(**quantization) if quantization else None,
        )
    )
    return len(graph.tensors) - 1
