"""Which constants of a .tflite are kernels: the weights that compression is about."""

import dataclasses

from tfedge.device.file import graph, operands


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
    unpacked = {o.outputs[0]: o.inputs[0] for o in operators if o.kind in operands.UNPACKING}
    found: dict[int, Kernel] = {}
    for operator in operators:
        for position, axis in operands.weights(operator.kind).items():
            if position >= len(operator.inputs) or operator.inputs[position] < 0:
                continue
            tensor = _stored(operator.inputs[position], unpacked, tensors)
            if (
                tensor.is_constant
                and tensor.shape
                and tensor.dtype.startswith(operands.WEIGHT_TYPES)
            ):
                transposed = operator.kind == "BATCH_MATMUL" and operator.options.get("adjY")
                channel_axis = (-2 if transposed else axis) % len(tensor.shape)
                found.setdefault(tensor.index, Kernel(tensor, operator, channel_axis))
    return tuple(found.values())


def _stored(
    index: int, unpacked: dict[int, int], tensors: tuple[graph.Tensor, ...]
) -> graph.Tensor:
    """The stored tensor behind `index`; at most one step for each kind of unpacking."""
    for _ in operands.UNPACKING:
        if not tensors[index].is_constant:
            index = unpacked.get(index, index)
    return tensors[index]
