"""Scratch space that the runtime's built-in kernels ask for beside the tensors of the file.

From the kernels' Prepare functions in tflite/kernels of google-ai-edge/LiteRT, built with ruy as
for phones and on one thread. Kernels that are not named here ask for none, or for a few bytes.
"""

import dataclasses
import math
from collections.abc import Callable

from tfedge.device.file import graph, tflite, weights

_NUMBER_BYTES = 4  # int32 or float32
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL")


@dataclasses.dataclass(frozen=True)
class Scratch:
    """Bytes of each temporary of one operator.

    Attributes:
        running: needed while it runs.
        kept: held from the first run to the end.
    """

    running: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()


def of(operator: graph.Operator, file: tflite.TfliteFile) -> Scratch:
    """What an operator's built-in kernel asks for."""
    rule = _RULES.get(operator.kind)
    operands = [file.tensors[i] for i in operator.inputs if i >= 0]
    if rule is None or len(operands) < 2 or not operator.outputs:
        return Scratch()
    return rule(operator, operands, file.tensors[operator.outputs[0]])


_Rule = Callable[[graph.Operator, list[graph.Tensor], graph.Tensor], Scratch]


def _convolution(
    operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor
) -> Scratch:
    """The patches of the input laid out as a matrix, but for a 1x1 convolution."""
    image, kernel = operands[:2]
    hybrid = _is_hybrid(image, kernel)
    patches: tuple[int, ...] = ()
    if not _is_pointwise(operator, kernel):
        elements = _elements(output.shape[:3]) * _elements(kernel.shape[1:])
        patches = (weights.stored_bytes("INT8" if hybrid else image.dtype, elements),)
    if not hybrid:
        return Scratch(patches)
    pixels = _NUMBER_BYTES * _elements(image.shape[:3])
    sums = _NUMBER_BYTES * _elements(output.shape)
    running = (*patches, _elements(image.shape), pixels, sums)
    if len(kernel.scales) < 2:
        return Scratch(running)
    return Scratch((*running, pixels), (_NUMBER_BYTES * kernel.shape[0],))


def _volume(
    operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor
) -> Scratch:
    """The patches of the input laid out as a matrix; the kernel is (d, h, w, in, out)."""
    image, kernel = operands[:2]
    kinds, axes = ("stride{}", "dilation{}Factor"), "DHW"
    names = [kind.format(axis) for kind in kinds for axis in axes]
    if all(v == 1 for v in (*(operator.options.get(n, 1) for n in names), *kernel.shape[:3])):
        return Scratch()
    elements = _elements(output.shape[:4]) * _elements(kernel.shape[:4])
    return Scratch((weights.stored_bytes(image.dtype, elements),))


def _dense(operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor) -> Scratch:
    """The input quantized on the fly, where only the weights are integers."""
    x, kernel = operands[:2]
    if not _is_hybrid(x, kernel):
        return Scratch()
    units = kernel.shape[0]
    rows = _NUMBER_BYTES * (_elements(output.shape) // max(1, units))
    sums = _NUMBER_BYTES * _elements(output.shape)
    return Scratch((_elements(x.shape), rows, sums, rows), (_NUMBER_BYTES * units,))


def _matrix_product(
    operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor
) -> Scratch:
    """Both sides transposed; a constant one once and for all."""
    left, right = (weights.stored_bytes(t.dtype, _elements(t.shape)) for t in operands[:2])
    if operands[1].is_constant:
        return Scratch((left,), (right,))
    return Scratch((left, right))


def _reduction(
    operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor
) -> Scratch:
    """A position, the axes, and sums."""
    x, axes = operands[:2]
    counts = (len(x.shape), _elements(axes.shape), _elements(output.shape))
    return Scratch(tuple(_NUMBER_BYTES * count for count in counts))


def _lstm(operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor) -> Scratch:
    """The gates of one step."""
    x, cells = operands[0], operands[2].shape[0]
    batch = x.shape[1 if operator.options.get("timeMajor") else 0]
    if x.dtype == "INT8":
        return Scratch((*(2 * batch * cells,) * 4, batch * cells, _NUMBER_BYTES * batch * cells))
    has_input_gate = operator.inputs[1] >= 0
    return Scratch((_NUMBER_BYTES * batch * (cells * (5 if has_input_gate else 4) + 16),))


_RULES: dict[str, _Rule] = {
    "CONV_2D": _convolution,
    "CONV_3D": _volume,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _matrix_product,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    **dict.fromkeys(_REDUCTIONS, _reduction),
}


def _is_hybrid(x: graph.Tensor, kernel: graph.Tensor) -> bool:
    return x.dtype == "FLOAT32" and kernel.dtype in ("INT8", "UINT8", "INT4")


def _is_pointwise(operator: graph.Operator, kernel: graph.Tensor) -> bool:
    names = ("strideH", "strideW", "dilationHFactor", "dilationWFactor")
    settings = [operator.options.get(name, 1) for name in names]
    return all(value == 1 for value in (*settings, *kernel.shape[1:3]))


def _elements(shape: tuple[int, ...]) -> int:
    return math.prod(1 if size < 0 else size for size in shape)
