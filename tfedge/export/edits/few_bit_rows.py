"""Tables of few bits: rows of INT2 or INT4, each with a scale in float16.

LiteRT's blocks of weights with a scale may be as long as a row, so that of a row takes 2 bytes; of
INT8 rows it is a float32 and an int64 zero point. LiteRT (2.3, measured for widths of 1 to 70)
begins each row at a whole byte: where integers do not fill their last one, wrong numbers come out
unsaid. Such rows get more columns, which a SLICE takes off what comes out.
"""

import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import operands
from tfedge.export.tree import new_operators, operators

_IN_A_BYTE = {"INT2": 4, "INT4": 2}
_LARGEST = {"INT2": 1, "INT4": 7}  # symmetric
_CHANNELWISE = ("INT8", "INT4")
_HALF = np.finfo(np.float16)


def pack(tree: Any) -> None:
    """Stores each table of small integers so; what is looked up stays the same, to 12 bits.

    Args:
        tree: with tables of INT8 or INT4 that have a scale a row, one for all, or blocks. One that
            is also the kernel of a matrix stays as that has it, but for rows that do not fill
            their last byte, which become INT8.
    """
    users: dict[int, list[operators.Weighted]] = {}
    for user in operators.weighted(tree):
        users.setdefault(id(user.graph.tensors[user.kernel]), []).append(user)
    for together in users.values():
        tensor = together[0].graph.tensors[together[0].kernel]
        if not any(map(_chooses, together)):
            continue
        if not all(map(_chooses, together)):
            if tensor.shape[1] % _IN_A_BYTE["INT4"]:
                _widen(tree, tensor)
        elif _has_scales(tensor):
            _pack(tree, tensor, together)
        elif operators.type_name(tensor) == "INT4" and tensor.quantization is not None:
            _narrow(tree, tensor)


def _chooses(user: operators.Weighted) -> bool:
    return user.kind in operands.CHOOSING


def _has_scales(tensor: Any) -> bool:
    said = tensor.quantization
    is_integer = operators.type_name(tensor) in _CHANNELWISE
    return is_integer and said is not None and said.scale is not None


def _pack(tree: Any, tensor: Any, lookups: list[operators.Weighted]) -> None:
    codes, said = operators.values(tree, tensor), tensor.quantization
    width = codes.shape[1]
    kind = _kind(codes)
    if kind is None or np.max(said.scale) > _HALF.max:
        _widen(tree, tensor)
        return
    missing = -width % _IN_A_BYTE[kind]
    padded = np.pad(codes, ((0, 0), (0, missing)))
    scales = np.broadcast_to(np.maximum(said.scale, _HALF.tiny), len(codes)).reshape(-1, 1)
    tensor.type, tensor.shape = getattr(schema.TensorType, kind), np.array(padded.shape, np.int32)
    operators.set_values(tree, tensor, padded)
    graph = lookups[0].graph
    tensor.quantization = _in_blocks(padded.shape[1], _constant(tree, graph, scales, "FLOAT16"))
    for lookup in lookups if missing else ():
        _slice(tree, lookup, width)


def _widen(tree: Any, tensor: Any) -> None:
    if operators.type_name(tensor) == "INT4":
        codes = operators.values(tree, tensor)
        tensor.type = schema.TensorType.INT8
        operators.set_values(tree, tensor, codes)


def _narrow(tree: Any, tensor: Any) -> None:
    """One in blocks, whose scales stay."""
    codes = operators.values(tree, tensor)
    tensor.type = getattr(schema.TensorType, _kind(codes) or "INT4")
    operators.set_values(tree, tensor, codes)


def _kind(codes: np.ndarray) -> str | None:
    """The narrowest type that holds them; INT2 only where it fills its bytes."""
    largest = int(np.abs(codes.astype(np.int32)).max(initial=0))
    if largest <= _LARGEST["INT2"] and codes.shape[1] % _IN_A_BYTE["INT2"] == 0:
        return "INT2"
    return "INT4" if largest <= _LARGEST["INT4"] else None


def _in_blocks(size: int, scales: int) -> Any:
    said = schema.QuantizationParametersT()
    said.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    said.details = schema.BlockwiseQuantizationT()
    said.details.blockSize, said.details.scales = size, scales
    return said


def _slice(tree: Any, lookup: operators.Weighted, width: int) -> None:
    """Behind a lookup, its first columns."""
    graph, output = lookup.graph, lookup.graph.tensors[lookup.output]
    wide = copy.copy(output)
    count = int(output.shape[0])
    wide.shape = np.array([count, graph.tensors[lookup.kernel].shape[1]], np.int32)
    wide.shapeSignature = None
    graph.tensors.append(wide)
    whole = len(graph.tensors) - 1
    ends = [_constant(tree, graph, np.array(each), "INT32") for each in ((0, 0), (-1, width))]
    lookup.operator.outputs = np.array([whole], np.int32)
    place = next(n for n, each in enumerate(graph.operators) if each is lookup.operator)
    cut = new_operators.operator(tree, "SLICE", [whole, *ends], lookup.output)
    graph.operators.insert(place + 1, cut)


def _constant(tree: Any, graph: Any, values: np.ndarray, kind: str) -> int:
    shape = np.array(values.shape, np.int32)
    tensor = schema.TensorT(type=getattr(schema.TensorType, kind), shape=shape)
    operators.set_values(tree, tensor, values)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
