"""The weights of each layer in the file, and what they were in the baseline's."""

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfedge.device.file import kernel_tensors, tflite

# What TensorFlow's converter appends to a layer's name.
_OPERATIONS = re.compile(r"(conv\w*d\w*|matmul|depthwise|tensordot|einsum)(_?\d*)?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Layer:
    """The weights of one layer in the file.

    Attributes:
        name: of the Keras layer; of the operator where the file keeps no names.
        operator: what reads it.
        shape: in the file's layout.
        dtype: as stored, such as "INT8".
        bits: of one weight.
        stored_bytes: in the file, before the store packs it.
        sparsity: share of zeros, 0..1.
        distinct: different values in the tensor.
        distinct_per_channel: the most of any output channel.
        entropy_bits: bits per weight that an ideal coder would need.
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    stored_bytes: int
    sparsity: float
    distinct: int
    distinct_per_channel: int
    entropy_bits: float


def read(file: "tflite.TfliteFile") -> tuple[Layer, ...]:
    """The kernels of a file, in the order of their operators."""
    return tuple(_layer(kernel) for kernel in file.kernels())


def short_name(name: str) -> str:
    """The Keras layer in a converter's name: "net/stem_bn/mul;net/stem/Conv2D" is "stem"."""
    for part in name.split(";"):
        *above, last = part.split("/")
        if above and _OPERATIONS.fullmatch(last):
            return above[-1]
    return name


def paired(
    before: tuple[Layer, ...], after: tuple[Layer, ...]
) -> tuple[tuple[Layer | None, Layer], ...]:
    """Each layer with the baseline's of the same name, or of the same place where all fit."""
    by_name = {short_name(layer.name): layer for layer in before}
    found = [by_name.get(short_name(layer.name)) for layer in after]
    same = [layer.operator for layer in before] == [layer.operator for layer in after]
    if same:
        found = [named or there for named, there in zip(found, before, strict=True)]
    return tuple(zip(found, after, strict=True))


def _layer(kernel: "kernel_tensors.Kernel") -> Layer:
    tensor = kernel.tensor
    return Layer(
        name=tensor.name or kernel.operator.kind.lower(),
        operator=kernel.operator.kind,
        shape=tensor.shape,
        dtype=tensor.dtype,
        bits=tensor.bits,
        stored_bytes=tensor.buffer_bytes,
        sparsity=tensor.sparsity,
        distinct=tensor.distinct,
        distinct_per_channel=tensor.distinct_per_channel,
        entropy_bits=tensor.entropy_bits,
    )
