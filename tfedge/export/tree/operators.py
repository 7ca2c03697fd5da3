"""What the operators of an unpacked .tflite are, and those that multiply by a constant kernel."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import flatbuffer, operands, weights

_DTYPES: dict[int, np.dtype] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
    schema.TensorType.INT8: np.dtype("i1"),
    schema.TensorType.INT32: np.dtype("<i4"),
    schema.TensorType.INT64: np.dtype("<i8"),
    schema.TensorType.BOOL: np.dtype("?"),
}
_PACKED = {schema.TensorType.INT4: 4, schema.TensorType.INT2: 2}
# Those with one kernel and at most one bias, whose integer kernels are written here.
_WEIGHTED = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
    "EMBEDDING_LOOKUP",
)
_MATRIX = 2


@dataclasses.dataclass(frozen=True)
class Weighted:
    """An operator with a constant kernel; integers are tensor indices in its subgraph.

    Attributes:
        kind: "CONV_2D" ...
        graph: the `schema.SubGraphT` it is in.
        operator: the `schema.OperatorT`.
        input: the activation that comes in.
        kernel: the constant, seen through DEQUANTIZE (float16 files) and DENSIFY.
        bias: -1 when there is none.
        output: the activation that goes out.
        channel_axis: the output channel's axis in the kernel.
    """

    kind: str
    graph: Any
    operator: Any
    input: int
    kernel: int
    bias: int
    output: int
    channel_axis: int


def kind(model: Any, operator: Any) -> str:
    """Such as CONV_2D; a custom operator's own name, such as FlexErf.

    Raises:
        ValueError: a number that stands for no operator.
    """
    code = model.operatorCodes[operator.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if number not in flatbuffer.BUILTIN_NAMES:
        raise ValueError(f"no operator has the number {number}")
    return flatbuffer.BUILTIN_NAMES[number]


def is_custom(model: Any, operator: Any) -> bool:
    """Whether the interpreter alone cannot run it (Flex operators are custom ones too)."""
    return bool(model.operatorCodes[operator.opcodeIndex].customCode)


def type_name(tensor: Any) -> str:
    """Such as FLOAT32 or INT8."""
    return flatbuffer.TYPE_NAMES[tensor.type]


def is_constant(model: Any, tensor: Any) -> bool:
    """Whether its values are in the file."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def values(model: Any, tensor: Any) -> np.ndarray:
    """A constant's stored numbers, in its shape; INT4 and INT2 as int8."""
    data = np.asarray(model.buffers[tensor.buffer].data)
    if tensor.type in _PACKED:
        count = int(np.prod(tensor.shape))
        return weights.decode(data, type_name(tensor), (count,), None).reshape(tensor.shape)
    return data.view(_DTYPES[tensor.type]).reshape(tensor.shape)


def real_values(model: Any, tensor: Any, dtype: npt.DTypeLike = np.float64) -> np.ndarray:
    """A constant's numbers as they act: (stored - zero point) * scale."""
    stored, said = values(model, tensor), tensor.quantization
    if said is None or said.scale is None:
        return stored.astype(dtype, copy=False)
    return weights.dequantize(stored, said.scale, said.zeroPoint, said.quantizedDimension, dtype)


def set_values(model: Any, tensor: Any, stored: np.ndarray) -> None:
    """Gives a constant other numbers, in a buffer of its own; INT4 and INT2 are packed."""
    if tensor.type in _PACKED:
        data = weights.pack(stored, _PACKED[tensor.type])
    else:
        data = np.ascontiguousarray(stored, _DTYPES[tensor.type]).reshape(-1).view(np.uint8)
    tensor.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT(data=data))


def weighted(model: Any) -> Iterator[Weighted]:
    """All operators with a constant kernel, in the file's order; see `tables` for GATHER."""
    yield from _with_constant(model, _WEIGHTED)


def tables(model: Any) -> Iterator[Weighted]:
    """Each GATHER of rows of a constant table: `input` are the numbers that choose them."""
    for found in _with_constant(model, ("GATHER",)):
        options, shape = found.operator.builtinOptions, found.graph.tensors[found.kernel].shape
        if len(shape) == _MATRIX and not options.axis and not options.batchDims:
            yield found


def _with_constant(model: Any, kinds: tuple[str, ...]) -> Iterator[Weighted]:
    for graph in model.subgraphs:
        producers = {
            int(output): operator for operator in graph.operators for output in operator.outputs
        }
        for operator in graph.operators:
            name = kind(model, operator)
            if name not in kinds:
                continue
            places = operands.BY_KIND[name]
            ((at, channel_axis),) = places.weights.items()
            given = list(operator.inputs) + [-1] * 4
            source, kernel, bias = (int(given[p]) for p in (places.activation, at, places.bias))
            kernel = _constant_behind(model, producers, kernel)
            if is_constant(model, graph.tensors[kernel]):
                output = int(operator.outputs[0])
                yield Weighted(name, graph, operator, source, kernel, bias, output, channel_axis)


def _constant_behind(model: Any, producers: dict[int, Any], tensor: int) -> int:
    while tensor in producers and kind(model, producers[tensor]) in operands.UNPACKING:
        tensor = int(producers[tensor].inputs[0])
    return tensor
