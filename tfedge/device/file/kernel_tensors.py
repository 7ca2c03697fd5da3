"""Which constants of a .tflite are kernels: the weights that compression is about."""

import dataclasses

import numpy as np

from tfedge.device.file import graph, operands


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A constant weight and the operator that uses it (the first, where several do).

    Attributes:
        tensor: that is stored.
        operator: that uses it.
        channel_axis: of the tensor.
        width: columns that are meant; of a table there may be more, which fill its last bytes.
    """

    tensor: graph.Tensor
    operator: graph.Operator
    channel_axis: int
    width: int

    def values(self) -> np.ndarray:
        """See `graph.Tensor.values`; what is meant of them."""
        return self.tensor.values()[..., : self.width]


def find(
    operators: tuple[graph.Operator, ...], tensors: tuple[graph.Tensor, ...]
) -> tuple[Kernel, ...]:
    """The constant weights, each tensor once, in the order of their operators.

    A weight stored as float16 or sparsely is the stored tensor, not the one unpacked from it.
    """
    unpacked = {o.outputs[0]: o.inputs[0] for o in operators if o.kind in operands.UNPACKING}
    sliced = {o.inputs[0]: o.outputs[0] for o in operators if o.kind == "SLICE"}
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
                width = tensor.shape[-1]
                if operator.kind in operands.CHOOSING and operator.outputs[0] in sliced:
                    width = tensors[sliced[operator.outputs[0]]].shape[-1]
                found.setdefault(tensor.index, Kernel(tensor, operator, channel_axis, width))
    return tuple(found.values())


def _stored(
    index: int, unpacked: dict[int, int], tensors: tuple[graph.Tensor, ...]
) -> graph.Tensor:
    """The stored tensor behind `index`; at most one step for each kind of unpacking."""
    for _ in operands.UNPACKING:
        if not tensors[index].is_constant:
            index = unpacked.get(index, index)
    return tensors[index]
