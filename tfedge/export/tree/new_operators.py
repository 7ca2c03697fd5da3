"""Operators and tensors to be put into a tree."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

# kind -> its table of options, None where it has none, and the version that takes int8
_KINDS: dict[str, tuple[Any, int]] = {
    "ADD": (schema.AddOptionsT, 2),
    "CAST": (schema.CastOptionsT, 1),
    "DEQUANTIZE": (schema.DequantizeOptionsT, 2),
    "DYNAMIC_UPDATE_SLICE": (schema.DynamicUpdateSliceOptionsT, 1),
    "EMBEDDING_LOOKUP": (None, 1),  # later ones: `few_bit_versions`
    "GATHER": (schema.GatherOptionsT, 2),
    "MUL": (schema.MulOptionsT, 2),
    "QUANTIZE": (schema.QuantizeOptionsT, 2),
    "RESHAPE": (schema.ReshapeOptionsT, 1),
    "SLICE": (schema.SliceOptionsT, 2),
    "SUB": (schema.SubOptionsT, 2),
}


def operator(model: Any, kind: str, inputs: list[int], output: int) -> Any:
    """One with nothing to be set, of tensors by their indices."""
    options, _ = _KINDS[kind]
    made = schema.OperatorT(
        opcodeIndex=operator_code(model, kind),
        inputs=np.array(inputs, np.int32),
        outputs=np.array([output], np.int32),
    )
    if options is not None:
        name = options.__name__.removesuffix("T")
        made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        made.builtinOptions = options()
    return made


def float_tensor(graph: Any, like: int) -> int:
    """The index of a new float one, of the shape of another."""
    tensor = graph.tensors[like]
    graph.tensors.append(
        schema.TensorT(
            type=schema.TensorType.FLOAT32,
            shape=tensor.shape,
            shapeSignature=tensor.shapeSignature,
            hasRank=True,
        )
    )
    return len(graph.tensors) - 1


def operator_code(model: Any, kind: str) -> int:
    """Index of a built-in operator code, added if need be."""
    number, version = getattr(schema.BuiltinOperator, kind), _KINDS[kind][1]
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == number:
            code.version = max(code.version, version)
            return index
    deprecated = min(number, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    model.operatorCodes.append(
        schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=deprecated, version=version)
    )
    return len(model.operatorCodes) - 1
