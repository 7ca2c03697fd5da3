"""Which constants of a .tflite are kernels: the weights that compression is about."""

import dataclasses

from tfedge.device.file import graph

# Operator -> {position of a weight among its inputs: axis of the output channel}.
_POSITIONS: dict[str, dict[int, int]] = {
    "CONV_2D": {1: 0},
    "DEPTHWISE_CONV_2D": {1: 3},
    "FULLY_CONNECTED": {1: 0},
    "TRANSPOSE_CONV": {1: 0},
    "CONV_3D": {1: 4},
    "CONV_3D_TRANSPOSE": {1: 3},
    "BATCH_MATMUL": {0: -1, 1: -1},
    "GATHER": {0: -1},
    "EMBEDDING_LOOKUP": {1: -1},
    "SVDF": {1: 0, 2: 0},
    "RNN": {1: 0, 2: 0},
    "UNIDIRECTIONAL_SEQUENCE_RNN": {1: 0, 2: 0},
    "LSTM": dict.fromkeys(range(1, 9), 0),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": dict.fromkeys(range(1, 9), 0),
    "BIDIRECTIONAL_SEQUENCE_LSTM": dict.fromkeys([*range(1, 9), *range(18, 26)], 0),
}
_UNPACKING = ("DEQUANTIZE", "DENSIFY")  # may stand between a stored weight and its operator
_WEIGHT_TYPES = ("FLOAT", "BFLOAT", "INT8", "INT4", "INT2", "INT16", "UINT8", "UINT4")


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A constant weight and the operator that uses it (the first, where several do)."""

    tensor: graph.Tensor
    operator: graph.Operator
    channel_axis: int


def find(
    operators: tuple[graph.Operator, ...], tensors: tuple[graph.Tensor, ...]
) -> tuple[Kernel, ...]:
    """The constant weights, each tensor once, in the order of their operators.

    A weight stored as float16 or sparsely is the stored tensor, not the one unpacked from it.
    """
    unpacked = {o.outputs[0]: o.inputs[0] for o in operators if o.kind in _UNPACKING}
    found: dict[int, Kernel] = {}
    for operator in operators:
        for position, axis in _POSITIONS.get(operator.kind, {}).items():
            if position >= len(operator.inputs) or operator.inputs[position] < 0:
                continue
            tensor = _stored(operator.inputs[position], unpacked, tensors)
            if tensor.is_constant and tensor.shape and tensor.dtype.startswith(_WEIGHT_TYPES):
                transposed = operator.kind == "BATCH_MATMUL" and operator.options.get("adjY")
                channel_axis = (-2 if transposed else axis) % len(tensor.shape)
                found.setdefault(tensor.index, Kernel(tensor, operator, channel_axis))
    return tuple(found.values())


def _stored(
    index: int, unpacked: dict[int, int], tensors: tuple[graph.Tensor, ...]
) -> graph.Tensor:
    """The stored tensor behind `index`; at most one step for each kind of unpacking."""
    for _ in _UNPACKING:
        if not tensors[index].is_constant:
            index = unpacked.get(index, index)
    return tensors[index]
