"""Operators to be put into a tree."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_OPTIONS = {
    "ADD": schema.AddOptionsT,
    "DEQUANTIZE": schema.DequantizeOptionsT,
    "MUL": schema.MulOptionsT,
    "QUANTIZE": schema.QuantizeOptionsT,
}
_VERSION = 2  # of these four, the one that takes int8


def operator(model: Any, kind: str, inputs: list[int], output: int) -> Any:
    """One of ADD, DEQUANTIZE, MUL and QUANTIZE, of tensors by their indices."""
    options = _OPTIONS[kind]
    return schema.OperatorT(
        opcodeIndex=operator_code(model, kind),
        inputs=np.array(inputs, np.int32),
        outputs=np.array([output], np.int32),
        builtinOptionsType=getattr(schema.BuiltinOptions, options.__name__.removesuffix("T")),
        builtinOptions=options(),
    )


def operator_code(model: Any, kind: str) -> int:
    """Index of a built-in operator code, added if need be."""
    number = getattr(schema.BuiltinOperator, kind)
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == number:
            return index
    model.operatorCodes.append(
        schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=_VERSION)
    )
    return len(model.operatorCodes) - 1
