"""Runs TensorFlow's converter on a model, quietly, and says in one line why it refuses."""

import contextlib
import dataclasses
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors, quiet
from tfedge.compress.keras import tf
from tfedge.compress.ranges import mask_bounds
from tfedge.data.task import Task
from tfedge.export import calibration, options
from tfedge.export.converter import kept_out, recurrent, saved_model
from tfedge.export.edits import divisions, interface, softmax_scales
from tfedge.export.tree import exponentials, flatbuffer, masked

_BYTES = ("uint8", "int8", "bool")

# The converter's own words: the operator, and where it comes from.
_UNKNOWN_OPERATOR = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_PLACE = re.compile(r'fused\["\w+:", "([^"@]+)')


@dataclasses.dataclass(frozen=True)
class Writer:
    """Writes a model as a SavedModel of fixed shape into a folder.

    Attributes:
        write: the model as it is.
        write_without_loop: the same with its loops unrolled, or BadInput.
        large_kernels: while it is open, `write` leaves these out; see `kept_out`.
    """

    write: Callable[[pathlib.Path], saved_model.Signature]
    write_without_loop: Callable[[pathlib.Path], saved_model.Signature]
    large_kernels: Callable[[], contextlib.AbstractContextManager[tuple[kept_out.Kept, ...]]] = (
        lambda: contextlib.nullcontext(())
    )


class RangesError(Exception):
    """The converter's ranges would lose what those of `post_training` keep.

    They follow a mask of attention, or an exponential on the way to something narrow.
    """


def convert(writer: Writer, export: options.Export, task: Task | None, has_ranges: bool) -> Any:
    """A model as the tree of a .tflite, its inputs and outputs by their own names.

    Args:
        writer: of the model.
        export: the route and its options.
        task: whose calibration split integer routes read, but for
        has_ranges: a model that carries the ranges of its activations.

    Raises:
        BadInput: something in the model has no place in a .tflite, or in the data.
        RangesError: ranges are to be read of a model that masks what enters softmax, or composes
            an activation of exponentials.
    """
    with tempfile.TemporaryDirectory(prefix="tfedge_export_") as temporary:
        folder = pathlib.Path(temporary) / "model"
        if export.facts.activation_bits and not has_ranges:
            signature, tree = _with_ranges_of(task, writer, folder, export)
        elif export.facts.activation_bits or not export.facts.changes_kernels:
            signature, tree = _without_large_kernels(writer, folder, export)
        else:
            signature = writer.write(folder)
            tree = _tree(folder, export, None)
    if export.facts.activation_bits:
        if not has_ranges and any(exponentials.find(tree, graph) for graph in tree.subgraphs):
            raise RangesError
        divisions.move_to_float(tree)
        softmax_scales.settle(tree)
    interface.name(tree, signature.inputs, signature.outputs)
    return tree


def convert_to_float(writer: Writer, export: options.Export) -> Any:
    """A model as the tree of a float .tflite to be quantized after training, by `post_training`.

    Args:
        writer: of the model.
        export: the route that is asked for. Where its activations are integers, loops are unrolled.

    Raises:
        BadInput: something in the model has no place in a .tflite.
    """
    as_float = options.Export(allow_flex=export.allow_flex)
    with tempfile.TemporaryDirectory(prefix="tfedge_export_") as temporary:
        folder = pathlib.Path(temporary) / "model"
        signature, tree = _without_large_kernels(writer, folder, as_float)
        if signature.has_loop and not export.has_float_activations and recurrent.has_loop(tree):
            folder = pathlib.Path(temporary) / "unrolled"
            signature = writer.write_without_loop(folder)
            tree = _tree(folder, as_float, None)
    interface.name(tree, signature.inputs, signature.outputs)
    return tree


def _with_ranges_of(
    task: Task | None, writer: Writer, folder: pathlib.Path, export: options.Export
) -> tuple[saved_model.Signature, Any]:
    """A model on an integer route, with the ranges that calibration examples show."""
    signature = writer.write(folder)
    examples = calibration.examples(task, signature.inputs, export.route)
    as_float = options.Export(allow_flex=export.allow_flex)
    if signature.has_loop and recurrent.has_loop(_tree(folder, as_float, None)):
        folder = folder.with_name("unrolled")
        signature = writer.write_without_loop(folder)
    given = _given_masks(examples) if signature.has_softmax else frozenset()
    if signature.has_softmax and (signature.has_mask or given):
        if masked.is_masked(_tree(folder, as_float, None), given):
            raise RangesError
    _check_inputs(signature, export)
    return signature, _tree(folder, export, _numbered(examples, signature.input_types))


def _without_large_kernels(
    writer: Writer, folder: pathlib.Path, export: options.Export
) -> tuple[saved_model.Signature, Any]:
    """A model whose kernels a file has as they are, or on scales that follow from them."""
    with writer.large_kernels() as kept:
        signature = writer.write(folder)
    tree = _tree(folder, export, None)
    if not kept:
        return signature, tree
    try:
        return signature, kept_out.put_back(tree, kept)
    except kept_out.ChangedError:
        logging.debug("the converter looks at kernels: it is given all of them")
    whole = folder.with_name("whole")
    return writer.write(whole), _tree(whole, export, None)


def _tree(
    folder: pathlib.Path, export: options.Export, examples: calibration.Examples | None
) -> Any:
    """What the converter makes of a SavedModel."""
    with quiet.captured() as log:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
        export.facts.configure(converter, examples)
        # Weights behind the tree are copied less. What calibrates and what changes ends lose them.
        converter._experimental_use_buffer_offset = examples is None and (
            export.made_input == export.output == "float32"
        )
        if export.facts.activation_bits:
            converter.inference_input_type = tf.as_dtype(export.made_input)
            converter.inference_output_type = tf.as_dtype(export.output)
        if export.allow_flex:
            converter.target_spec.supported_ops = [
                *(converter.target_spec.supported_ops or [tf.lite.OpsSet.TFLITE_BUILTINS]),
                tf.lite.OpsSet.SELECT_TF_OPS,
            ]
        try:
            converted = converter.convert()
        except (_converter_error(), ValueError, RuntimeError) as error:
            raise _refusal(export, str(error)) from error
    logging.debug("converter: %s", log.text)
    return flatbuffer.unpack(converted)


def _converter_error() -> type[Exception]:
    from tensorflow.lite.python import convert_phase

    return convert_phase.ConverterError


def _check_inputs(signature: saved_model.Signature, export: options.Export) -> None:
    """Refuses bytes without a scale, whose ranges the converter cannot read."""
    for name, kind in zip(signature.inputs, signature.input_types, strict=True):
        if kind in _BYTES:
            raise errors.BadInput(
                f"--export={export.to_text()}",
                f"input {name!r} takes {kind}, which becomes a float deep inside of the model",
                "Give the .keras file of the model with a Rescaling right behind that input, or"
                " use --export=dynamic.",
            )


def _given_masks(examples: calibration.Examples) -> frozenset[str]:
    """Inputs, by their numbers, that hold what could mask scores."""
    return frozenset(
        interface.input_number(index)
        for example in examples()
        for index, array in enumerate(example.values())
        if array.dtype.kind == "f" and mask_bounds.seen(array).masks
    )


def _numbered(examples: calibration.Examples, types: Sequence[str]) -> calibration.Examples:
    """Examples by the numbers that inputs have until the file has their names, in their types."""

    def numbered() -> Iterator[dict[str, np.ndarray]]:
        for example in examples():
            yield {
                interface.input_number(index): array.astype(kind)
                for index, (array, kind) in enumerate(zip(example.values(), types, strict=True))
            }

    return numbered


def _refusal(export: options.Export, said: str) -> errors.BadInput:
    """The converter's pages as one line."""
    for line in said.splitlines():
        unknown = _UNKNOWN_OPERATOR.search(line)
        if unknown:
            return errors.BadInput(
                _place(line),
                f"its operator {unknown.group(1)} is not one that LiteRT has",
                "Replace the layer, or accept it with --export="
                f"'{export.route}(allow_flex=True)', which adds several MB to the app.",
            )
    reason = next((line for line in said.splitlines() if "error:" in line), said[:200])
    return errors.BadInput(
        _place(reason),
        f"the converter refuses it for {export.route}: {reason.split(': ')[-1].strip()}",
        "Replace it, or try another --export.",
    )


def _place(line: str) -> str:
    found = _PLACE.search(line)
    return f"layer {_layer(found.group(1))!r}" if found else "model"


def _layer(place: str) -> str:
    """`model/my_layer/Erf` -> `my_layer`: the path without the model and the operator."""
    parts = place.split("/")
    return "/".join(parts[1:-1]) if len(parts) > 2 else place
