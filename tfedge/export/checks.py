"""Asserts that what was asked for is what came out; reads the finished file, nothing else."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.device.decoding import caches
from tfedge.device.file import graph, operands, tflite
from tfedge.device.prediction import work
from tfedge.export import options
from tfedge.export.tree import flatbuffer, operators

# Not CONV_3D: LiteRT has it in float alone.
_KERNEL_OPERATORS = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
    "EMBEDDING_LOOKUP",
)
_OF_THE_MODEL = ("int32", "int64", "bool", "string")
_NARROW = ("INT8", "UINT8", "INT16", "UINT16")
# They compute nothing; what a table gives becomes integers behind it.
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST", "EMBEDDING_LOOKUP")
# They keep numbers what they are, but for those that they leave out or cut off.
_PASS_ON = (
    *("QUANTIZE", "DEQUANTIZE", "CAST", "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE"),
    *("SLICE", "STRIDED_SLICE", "SPLIT", "SPLIT_V", "UNPACK", "PACK", "CONCATENATION", "PAD"),
    *("MAXIMUM", "MINIMUM", "RELU", "ROUND", "FLOOR", "CEIL", "ABS"),
)

_WHY = (
    " (LiteRT has no integer form of them or, as of what normalizes each example, one that is "
    "slower and less exact)"
)


def check(data: bytes, export: options.Export, float_layers: Mapping[str, str]) -> None:
    """Reads the file back.

    Args:
        data: the finished .tflite.
        export: what was asked for.
        float_layers: layers that were to stay float, with the reason.

    Raises:
        BadInput: a kernel, input or output of another type than asked for, an operator that the
            interpreter does not have, or an open shape; named, with the remedy.
    """
    file = tflite.read(data, f"--export={export.to_text()}")
    _check_operators(file, export)
    _check_kernels(file, export, float_layers)
    _check_ends(file, export)
    _check_ids(file, export)


def warn_of_mediapipe(export: options.Export) -> None:
    """Logs that metadata for MediaPipe are asked for on an input that it does not survive."""
    if export.metadata and export.input not in ("uint8", "float32"):
        logging.warning(
            '--export=%s: MediaPipe 1.2.2 crashes on %s inputs; write input="uint8"',
            *(export.to_text(), export.input),
        )


def warn_of_float(tree: Any, export: options.Export, *, is_known: bool = False) -> None:
    """Logs the operators that an integer route has left in float; before raw inputs are put in.

    Args:
        tree: of the file on its route.
        export: the route.
        is_known: whether some are meant to be float: the recipe's report or a rule has the reason.
    """
    everything = [(graph, each) for graph in tree.subgraphs for each in graph.operators]
    places = [n for n, (graph, each) in enumerate(everything) if _is_float(tree, graph, each)]
    if export.has_float_activations or not places:
        return
    file = tflite.read(flatbuffer.pack(tree))
    left = [file.operators[place] for place in places]
    logging.warning(
        "--export=%s: %s stay float%s: %.1f %% of the bytes of weights, %.1f %% of the "
        "multiply-adds",
        export.route,
        ", ".join(sorted({operator.kind for operator in left})),
        "" if is_known else _WHY,
        *_shares(file, left),
    )


def _is_float(tree: Any, graph: Any, operator: Any) -> bool:
    computes = operators.kind(tree, operator) not in _CONVERSIONS
    types = {operators.type_name(graph.tensors[index]) for index in operator.outputs}
    return computes and "FLOAT32" in types


def _shares(file: tflite.TfliteFile, left: list[graph.Operator]) -> tuple[float, float]:
    """What operators have of a file, in percent: bytes of weights, and multiply-adds."""
    stored, all_stored = (_constant_bytes(file, operators) for operators in (left, file.operators))
    works = work.of(file)
    every = sum(each.macs * each.turns for each in works)
    floats = sum(each.macs * each.turns for each in works if not each.integer)
    return 100 * stored / max(1, all_stored), 100 * floats / max(1, every)


def _constant_bytes(file: tflite.TfliteFile, operators: Iterable[graph.Operator]) -> int:
    """Of the constants that operators read, each once."""
    read = {index for operator in operators for index in operator.inputs if index >= 0}
    return sum(file.tensors[index].buffer_bytes for index in read)


def _check_operators(file: tflite.TfliteFile, export: options.Export) -> None:
    for operator in file.operators:
        if operator.is_flex and export.allow_flex:
            continue
        if operator.is_custom:
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"the operator {operator.kind} is not one that LiteRT has",
                "Replace the layer it comes from"
                + (", or accept it with allow_flex=True." if operator.is_flex else "."),
            )


def _check_kernels(
    file: tflite.TfliteFile, export: options.Export, float_layers: Mapping[str, str]
) -> None:
    wanted = export.facts.kernel_types
    found = {kernel.tensor.dtype for kernel in file.kernels()}
    if export.facts.needs_its_type and found and wanted[0] not in found:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"no kernel came out as {wanted[0]}",
            "Use a recipe whose kernels fit it, such as quantize(bits=4), or another --export.",
        )
    small = []
    for kernel in file.kernels():
        tensor = kernel.tensor
        if kernel.operator.kind not in _KERNEL_OPERATORS or tensor.dtype in wanted:
            continue
        # Only layers of a kind that compression knows have names; other float ones are loops.
        if float_layers and tensor.name in ("", *float_layers):
            continue
        if tensor.values().size < export.facts.smallest_kernel:
            small.append(tensor.name or f"one of {kernel.operator.kind}")
            continue
        raise errors.BadInput(
            f"--export={export.to_text()}",
            f"the kernel {tensor.name!r} of {kernel.operator.kind} came out as {tensor.dtype}",
            "Check the calibration examples, or use another --export.",
        )
    if small:
        logging.warning(
            "--export=%s: kernels of fewer than %d weights stay float: %s",
            export.to_text(),
            export.facts.smallest_kernel,
            ", ".join(dict.fromkeys(small)),
        )


def _check_ids(file: tflite.TfliteFile, export: options.Export) -> None:
    """What chooses rows of a table was never a code of a scale, which rounds it to another one."""
    makers = {made: operator for operator in file.operators for made in operator.outputs}
    for operator in file.operators:
        if operator.kind not in operands.CHOOSING:
            continue
        ids = operands.BY_KIND[operator.kind].activation
        for index in _passed_on(operator.inputs[ids], makers):
            tensor = file.tensors[index]
            if not tensor.is_constant and len(tensor.scales) and not _is_plain(tensor):
                raise errors.BadInput(
                    f"--export={export.to_text()}",
                    f"ids that choose rows of table {_table(file, operator)!r} come in among"
                    f" numbers that became {tensor.dtype}, whose scale rounds them to other ids",
                    "Give ids an int32 input of their own, or use --export=dynamic.",
                )


def _passed_on(index: int, makers: Mapping[int, graph.Operator]) -> Iterator[int]:
    """A tensor, and all whose values it has."""
    waiting = [index]
    while waiting:
        yield (last := waiting.pop())
        if last in makers and makers[last].kind in _PASS_ON:
            waiting += [each for each in makers[last].inputs if each >= 0]


def _table(file: tflite.TfliteFile, operator: graph.Operator) -> str:
    (place,) = operands.BY_KIND[operator.kind].weights
    return file.tensors[operator.inputs[place]].name


def _is_plain(tensor: graph.Tensor) -> bool:
    """Whether its integers are the numbers themselves, and no codes of a scale."""
    as_it_is = not len(tensor.scales) or (tensor.scales == 1).all()
    return tensor.dtype in _NARROW and as_it_is and not np.any(tensor.zero_points)


def _check_ends(file: tflite.TfliteFile, export: options.Export) -> None:
    kept = caches.names(file.signature) if file.signature else ()
    for ends, asked in ((file.named_inputs, export.input), (file.named_outputs, export.output)):
        for name, tensor in ends.items():
            if name in kept:
                continue  # of the type that is computed in
            if tensor.dtype.lower() not in (asked, *_OF_THE_MODEL) and not _is_plain(tensor):
                raise errors.BadInput(
                    f"--export={export.to_text()}",
                    f"{name!r} came out as {tensor.dtype}, not {asked}",
                    "Check the calibration examples, or ask for float32.",
                )
            if -1 in tensor.shape_signature:
                raise errors.BadInput(
                    f"--export={export.to_text()}",
                    f"the shape {tensor.shape_signature} of {name!r} is open",
                    "Give a fixed one with --input_shape.",
                )
