"""What the XNNPACK delegate holds beside the file: weights packed anew, activations, pointers.

An estimate: packing follows the widest kernels of the processor, and the delegate does not tell.
Tiles as in XNNPACK's gemm, igemm and dwconv configurations; `tools/benchmarks/check_memory.py`
compares with what a process really grows by.
"""

import dataclasses
import math

from tfedge.device.file import graph, tflite
from tfedge.device.footprint import arena

_TILE_CHANNELS, _TILE_DEPTH = 16, 4  # output channels and inputs that are packed together
_POINTER_BYTES = 8
_CHANNEL_BYTES = 4  # a bias; as much again for a scale, where the kernel has integers
_STORED_AS = {"FLOAT16": 4, "INT4": 1, "INT2": 1}  # bytes of a weight once packed
_RECORD_BYTES, _RECORDS_BYTES = 2_600, 60_000  # of each operator, and once; measured on x86-64
_MATRIX_KINDS = ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")


@dataclasses.dataclass(frozen=True)
class Held:
    """Bytes.

    Attributes:
        repacked_weights: copies of the kernels in the order in which they are read.
        workspace: activations, which then are not in the interpreter's arena.
        pointers: to the input rows of each output pixel, for kernels that read windows.
        records: of its operators and tensors.
    """

    repacked_weights: int
    workspace: int
    pointers: int
    records: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.repacked_weights + self.workspace + self.pointers + self.records


def held(file: tflite.TfliteFile) -> Held:
    """What the delegate holds once the model has run."""
    taken = [o for o in file.operators if _takes(o, file)]
    kept = {o.index for o in taken}
    packed = {
        k.tensor.buffer: _packed(k.tensor, k.operator)
        for k in file.kernels()
        if k.operator.index in kept
    }
    subgraphs = [arena.Subgraph.of(file, n) for n in range(len(file.subgraphs))]
    return Held(
        repacked_weights=sum(packed.values()),
        workspace=sum(arena.extent(part.activations()) for part in subgraphs) if taken else 0,
        pointers=sum(_pointers(operator, file) for operator in taken),
        records=_RECORDS_BYTES + _RECORD_BYTES * len(taken),
    )


def _takes(operator: graph.Operator, file: tflite.TfliteFile) -> bool:
    """Whether it has kernels for the operator's types; those it lacks stay with the interpreter."""
    types = {file.tensors[i].dtype for i in (*operator.inputs, *operator.outputs) if i >= 0}
    return "INT16" not in types


def _packed(kernel: graph.Tensor, operator: graph.Operator) -> int:
    element = _STORED_AS.get(kernel.dtype, max(1, kernel.bits // 8))
    per_channel = _CHANNEL_BYTES * (2 if kernel.dtype.startswith(("INT", "UINT")) else 1)
    if operator.kind == "DEPTHWISE_CONV_2D":
        taps, channels = math.prod(kernel.shape[:-1]), _up(kernel.shape[-1], _TILE_CHANNELS)
        return channels * (taps * element + per_channel)
    if operator.kind not in _MATRIX_KINDS or not kernel.shape:
        return 0
    taps, depth = math.prod(kernel.shape[1:-1]), _up(kernel.shape[-1], _TILE_DEPTH)
    return _up(kernel.shape[0], _TILE_CHANNELS) * (taps * depth * element + per_channel)


def _pointers(operator: graph.Operator, file: tflite.TfliteFile) -> int:
    if operator.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D") or not operator.outputs:
        return 0
    kernel, output = file.tensors[operator.inputs[1]], file.tensors[operator.outputs[0]]
    window, pixels = math.prod(kernel.shape[1:3]), math.prod(output.shape[1:3])
    if window == 1:
        return 0
    return _POINTER_BYTES * window * pixels


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
