"""What each operator of a .tflite asks of a processor: multiply-adds, bytes, passes over elements.

for work in work.of(tflite.read(content)):
    print(work.kind, work.macs, work.activation_bytes)

Only shapes, types and options are read; nothing is run. How long it takes is `formula`'s matter.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from tfedge.device.file import graph, tflite, weights
from tfedge.device.prediction import loops

# Operations an element of the output costs beside being read and written; one is an addition.
_ELEMENTWISE = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "RELU", "RELU6"), 1.0),
    **dict.fromkeys(("RELU_N1_TO_1", "RELU_0_TO_1", "ABS", "NEG", "SQUARE", "PRELU"), 1.0),
    **dict.fromkeys(("LEAKY_RELU", "SQUARED_DIFFERENCE", "FLOOR", "CEIL", "ROUND"), 1.0),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "CAST", "SELECT", "SELECT_V2"), 1.0),
    **dict.fromkeys(("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL"), 1.0),
    **dict.fromkeys(("NOT_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "SIGN"), 1.0),
    **dict.fromkeys(("HARD_SWISH", "DIV", "SQRT", "FLOOR_DIV", "FLOOR_MOD"), 2.0),
    **dict.fromkeys(("RSQRT", "RESIZE_NEAREST_NEIGHBOR", "CUMSUM"), 2.0),
    **dict.fromkeys(("L2_NORMALIZATION", "RESIZE_BILINEAR"), 6.0),
    **dict.fromkeys(("LOGISTIC", "TANH", "EXP", "ELU", "GELU", "LOG", "POW"), 8.0),
    **dict.fromkeys(("SIN", "COS", "SOFTMAX", "LOG_SOFTMAX"), 8.0),
}
_REDUCING = (
    *("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "ARG_MAX", "ARG_MIN"),
    *("REDUCE_ANY", "REDUCE_ALL", "TOPK_V2"),
)
_POOLING = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
RECURRENT = (
    *("SVDF", "RNN", "LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"),
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"),
)
_INTEGERS = ("INT8", "UINT8", "INT16", "INT4", "INT2")
_COPYING = (
    *("CONCATENATION", "PAD", "PADV2", "MIRROR_PAD", "TRANSPOSE", "SLICE", "STRIDED_SLICE"),
    *("SPLIT", "SPLIT_V", "PACK", "UNPACK", "GATHER", "GATHER_ND", "TILE", "BROADCAST_TO"),
    *("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"),
    *("REVERSE_V2", "FILL", "EMBEDDING_LOOKUP", "ONE_HOT", "SCATTER_ND"),
)
# Change what a tensor is called, not what it holds; or are done once, before the first run.
_FREE = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "DENSIFY", "VAR_HANDLE", "CALL_ONCE"),
    *("DELEGATE", "RANK", "RANGE"),
)


@dataclasses.dataclass(frozen=True)
class Work:
    """The work of one operator, each time it runs.

    Attributes:
        kind: the schema's name, "CONV_2D", ...
        family: the kernels that do it: "conv", "pointwise" (a convolution of 1x1 that only
            multiplies matrices), "depthwise", "dense", "elementwise", "copy" or "free".
        macs: multiply-adds.
        columns: output channels, over which a kernel's SIMD lanes are spread; of operators that
            do not multiply, the last dimension.
        depth: multiply-adds for one output value.
        window: pixels that one output pixel is computed from.
        passes: additions or what costs as much, of operators that do not multiply by a kernel.
        activation_bytes: read and written, without weights.
        weight_bytes: of constants.
        gathered_bytes: copied to lay out the window of each output pixel as a row, by kernels
            that multiply matrices only.
        input_elements, output_elements: values read and written, without weights.
        integer: whether it computes on integers.
        known: whether the operator is one that this module knows.
        turns: how often it runs in one inference; more than once inside of a loop.
        groups: of a convolution, each over channels of its own.
        plain: whether its activations have 16 bits: loops over single values compute it, on one
            thread, for no vector kernel does.
    """

    kind: str
    family: str
    macs: int = 0
    columns: int = 1
    depth: int = 1
    window: int = 1
    passes: float = 0.0
    activation_bytes: int = 0
    weight_bytes: int = 0
    gathered_bytes: int = 0
    input_elements: int = 0
    output_elements: int = 0
    integer: bool = False
    known: bool = True
    turns: int = 1
    plain: bool = False
    groups: int = 1


def of(file: tflite.TfliteFile) -> tuple[Work, ...]:
    """The work of every operator, in the file's order.

    A loop that does not say how often it turns counts as one turn, and is not `known`.
    """
    constants, turns = _constants(file), loops.turns(file)
    works = (_of(file, operator, constants) for operator in file.operators)
    return tuple(
        dataclasses.replace(work, turns=turns.get(operator.subgraph, 1))
        for work, operator in zip(works, file.operators, strict=True)
    )


def _constants(file: tflite.TfliteFile) -> frozenset[int]:
    """Tensors that are known before the first run: stored, or computed from stored ones."""
    found = {t.index for t in file.tensors if t.is_constant}
    for operator in file.operators:
        given = [i for i in operator.inputs if i >= 0]
        if given and found.issuperset(given):
            found.update(operator.outputs)
    # The state of a recurrent layer may start from a stored one.
    return frozenset(i for i in found if not file.tensors[i].is_variable)


def _of(file: tflite.TfliteFile, operator: graph.Operator, constants: frozenset[int]) -> Work:
    moving = [file.tensors[i] for i in operator.inputs if i >= 0 and i not in constants]
    fixed = [file.tensors[i] for i in operator.inputs if i >= 0 and i in constants]
    outputs = [file.tensors[i] for i in operator.outputs]
    idle = operator.kind in _FREE or loops.is_counted(file, operator)
    if idle or not outputs or not (moving or not fixed):
        return Work(operator.kind, "free")
    base = Work(
        kind=operator.kind,
        family="copy",
        activation_bytes=sum(_bytes(t) for t in (*moving, *outputs)),
        weight_bytes=sum(_bytes(t) for t in fixed),
        columns=max(1, outputs[0].shape[-1]) if outputs[0].shape else 1,
        input_elements=sum(_elements(t) for t in moving),
        output_elements=sum(_elements(t) for t in outputs),
        integer=outputs[0].dtype in _INTEGERS
        or (operator.kind in _KERNELS and any(_is_integer_kernel(t) for t in fixed)),
        plain=outputs[0].dtype == "INT16",
    )
    if operator.kind in RECURRENT:
        return dataclasses.replace(base, **_recurrent(fixed, moving[0], outputs[0]))
    return _counted(base, operator, file)


def _is_integer_kernel(tensor: graph.Tensor) -> bool:
    """Floats that such a kernel multiplies are quantized first, while running."""
    return tensor.dtype in _INTEGERS and len(tensor.shape) > 1


def _counted(base: Work, operator: graph.Operator, file: tflite.TfliteFile) -> Work:
    kind = operator.kind
    operands = [file.tensors[i] for i in operator.inputs if i >= 0]
    output = file.tensors[operator.outputs[0]]
    if kind in _MULTIPLYING:
        return dataclasses.replace(base, **_MULTIPLYING[kind](operator, operands, output))
    if kind in _ELEMENTWISE:
        passes = _ELEMENTWISE[kind] * base.output_elements
        return dataclasses.replace(base, family="elementwise", passes=passes)
    if kind in _POOLING:
        window = operator.options["filterHeight"] * operator.options["filterWidth"]
        passes = float(min(window, _elements(operands[0])) * base.output_elements)
        return dataclasses.replace(base, family="elementwise", passes=passes, window=window)
    if kind in _REDUCING:
        passes = float(_elements(operands[0]))
        return dataclasses.replace(base, family="elementwise", passes=passes)
    return dataclasses.replace(base, known=kind in _COPYING and not operator.is_custom)


def _convolution(_: Any, operands: list[graph.Tensor], output: graph.Tensor) -> dict[str, Any]:
    """CONV_2D; a grouped one's kernel has the channels of one group."""
    image, kernel = operands[0], operands[1]
    depth = math.prod(kernel.shape[1:])
    counted = _product(_elements(output), depth, kernel.shape[0])
    counted["window"] = math.prod(kernel.shape[1:-1])
    counted["groups"] = max(1, image.shape[-1] // max(1, kernel.shape[-1]))
    if counted["window"] == 1 and image.shape[1:-1] == output.shape[1:-1]:
        return {"family": "pointwise", **counted}
    pixels = _elements(output) // max(1, kernel.shape[0])
    size = weights.stored_bytes(image.dtype, pixels * depth)
    return {"family": "conv", "gathered_bytes": size, **counted}


def _depthwise(_: Any, operands: list[graph.Tensor], output: graph.Tensor) -> dict[str, Any]:
    window = math.prod(operands[1].shape[1:-1])
    counted = _product(_elements(output), window, output.shape[-1])
    return {"family": "depthwise", "window": window, **counted}


def _dense(_: Any, operands: list[graph.Tensor], output: graph.Tensor) -> dict[str, Any]:
    columns, depth = operands[1].shape[0], math.prod(operands[1].shape[1:])
    family = "dense" if _elements(output) == columns else "pointwise"
    return {"family": family, **_product(_elements(output), depth, columns)}


def _transposed(_: Any, operands: list[graph.Tensor], output: graph.Tensor) -> dict[str, Any]:
    """Every input pixel is multiplied by the whole kernel; operand 0 is the output's shape."""
    kernel, image = operands[1], operands[2]
    spread = math.prod(kernel.shape[:-1])
    counted = _product(_elements(image) // max(1, kernel.shape[-1]) * spread, kernel.shape[-1], 1)
    size = weights.stored_bytes(image.dtype, counted["macs"] // max(1, kernel.shape[-1]))
    return {"family": "conv", "gathered_bytes": size, **counted, "columns": kernel.shape[0]}


def _batched(
    operator: graph.Operator, operands: list[graph.Tensor], output: graph.Tensor
) -> dict[str, Any]:
    depth = operands[0].shape[-2 if operator.options.get("adjX") else -1]
    return {"family": "pointwise", **_product(_elements(output), depth, output.shape[-1])}


def _volume(_: Any, operands: list[graph.Tensor], output: graph.Tensor) -> dict[str, Any]:
    """CONV_3D; its kernel is (depth, height, width, in, out)."""
    kernel = operands[1]
    return {
        "family": "conv",
        **_product(_elements(output), math.prod(kernel.shape[:-1]), kernel.shape[-1]),
    }


def _recurrent(fixed: list[graph.Tensor], x: graph.Tensor, output: graph.Tensor) -> dict[str, Any]:
    """Every constant matrix once at each step in time."""
    matrices = [t for t in fixed if len(t.shape) == 2]
    stored = sum(_elements(t) for t in matrices)
    steps = max(1, _elements(x) // max(1, x.shape[-1]))
    depth = max((t.shape[-1] for t in matrices), default=1)
    return {"family": "dense", "macs": stored * steps, "columns": output.shape[-1], "depth": depth}


def _product(outputs: int, depth: int, columns: int) -> dict[str, Any]:
    return {"macs": outputs * depth, "depth": max(1, depth), "columns": max(1, columns)}


def _elements(tensor: graph.Tensor) -> int:
    return max(0, math.prod(tensor.shape))


def _bytes(tensor: graph.Tensor) -> int:
    return weights.stored_bytes(tensor.dtype, _elements(tensor))


_MULTIPLYING: dict[str, Callable[[graph.Operator, list[graph.Tensor], graph.Tensor], dict]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "TRANSPOSE_CONV": _transposed,
    "BATCH_MATMUL": _batched,
    "CONV_3D": _volume,
}
_KERNELS = (*_MULTIPLYING, *RECURRENT)
