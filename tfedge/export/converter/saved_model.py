"""Writes a model as a SavedModel with one signature of fixed shape, for the converter.

A fixed batch of 1 spares the file SHAPE and PACK operators and is what an app feeds. Inputs and
outputs are numbered here, because not every Keras name is a name for a TensorFlow function; the
real names are put into the .tflite afterwards.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfedge import errors, quiet
from tfedge.compress import graph, loading
from tfedge.compress.keras import tf
from tfedge.compress.ranges import mask_bounds
from tfedge.export.converter import dilated
from tfedge.export.edits import interface

SIGNATURE_KEY = "serving_default"
_LOOPS = ("While", "StatelessWhile", "If", "StatelessIf")
_SOFTMAX = ("Softmax", "LogSoftmax", "Exp", "Sigmoid")


@dataclasses.dataclass(frozen=True)
class Signature:
    """What was written.

    Attributes:
        inputs: the names an app uses, in the model's order.
        outputs: likewise.
        input_types: of the inputs, such as "float32".
        has_loop: whether there is a loop in the graph, if only one the converter may yet fuse.
        has_softmax: whether something in the graph turns scores into weights.
        has_mask: whether a number in the graph could mask scores.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    input_types: tuple[str, ...]
    has_loop: bool = False
    has_softmax: bool = False
    has_mask: bool = False


def write(model: Any, folder: pathlib.Path) -> Signature:
    """Write a tf_keras model.

    Args:
        model: functional, Sequential, or subclassed and called at least once.
        folder: where to; made if need be.

    Raises:
        BadInput: an input whose shape is open beyond the batch.
    """
    functional = graph.is_functional(model)
    if functional:
        specs = {
            name: tf.TensorSpec(tensor.shape, tensor.dtype)
            for name, tensor in zip(model.input_names, model.inputs, strict=True)
        }
        structure = list(range(len(specs))) if len(specs) > 1 else 0
    else:
        specs, structure = _called_with(model)

    def call(tensors: Sequence[Any]) -> Any:
        with dilated.as_one_operator(model):
            return model(tf.nest.pack_sequence_as(structure, tensors), training=False)

    return _write(model, call, specs, model.output_names if functional else None, folder)


def write_folder(source: pathlib.Path, folder: pathlib.Path) -> Signature:
    """Write a SavedModel again, with a signature of fixed shape.

    Raises:
        BadInput: not a SavedModel, no signature to choose, weights that are not finite, or a shape
            open beyond the batch.
    """
    try:
        with quiet.captured():
            loaded = tf.saved_model.load(str(source))
    except (OSError, ValueError) as error:
        raise errors.BadInput(
            str(source), "not a whole SavedModel", "Save the model again with `model.export(...)`."
        ) from error
    signatures = dict(loaded.signatures)
    key = next(iter(signatures)) if len(signatures) == 1 else SIGNATURE_KEY
    if key not in signatures:
        raise errors.BadInput(
            str(source),
            f"no signature {SIGNATURE_KEY!r} among {sorted(signatures)}",
            "Save it with that signature.",
        )
    function = signatures[key]
    loading.check_size(function.variables, str(source))
    loading.check_variables(function.variables, str(source))
    specs = function.structured_input_signature[1]

    def call(tensors: Sequence[Any]) -> Any:
        return function(**dict(zip(specs, tensors, strict=True)))

    return _write(loaded, call, specs, None, folder)


def never_called(model: Any) -> errors.BadInput:
    """What to raise for a subclassed model of either Keras that does not know its inputs."""
    return errors.BadInput(
        f"model {model.name!r}",
        "a subclassed model that was never called has no input shape",
        "Call it once on an example before handing it over.",
    )


def _write(
    owner: Any,
    call: Callable[[Sequence[Any]], Any],
    specs: dict[str, tf.TensorSpec],
    output_names: Sequence[str] | None,
    folder: pathlib.Path,
) -> Signature:
    fixed = [
        tf.TensorSpec(_fixed_shape(name, spec.shape), spec.dtype, interface.input_number(index))
        for index, (name, spec) in enumerate(specs.items())
    ]
    found: list[str] = []

    @tf.autograph.experimental.do_not_convert
    def serve(**numbered: Any) -> dict[str, Any]:
        outputs = call([numbered[name] for name in sorted(numbered)])
        found[:] = _names(outputs, output_names)
        tensors = tf.nest.flatten(outputs)
        return {interface.output_number(index): tensor for index, tensor in enumerate(tensors)}

    module = tf.Module()
    with quiet.captured():
        function = tf.function(serve).get_concrete_function(**{spec.name: spec for spec in fixed})
        module.held = _held(function, owner)
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE_KEY: function})
    nodes = _nodes(function.graph.as_graph_def())
    types = tuple(spec.dtype.name for spec in fixed)
    return Signature(
        tuple(specs),
        tuple(found),
        types,
        has_loop=any(node.op in _LOOPS for node in nodes),
        has_softmax=any(node.op in _SOFTMAX for node in nodes),
        has_mask=_has_mask(nodes),
    )


def _held(function: Any, owner: Any) -> Any:
    """What the function reads from, to be written beside it.

    That is its variables, or the whole owner where it holds more, such as lookup tables: an owner
    is only written with a trace of each of its layers, which takes longer than all the rest.
    """
    variables = list(function.graph.variables)
    handles = {id(variable.handle) for variable in variables}
    resources = [each for each in function.captured_inputs if each.dtype == tf.resource]
    return variables if all(id(each) in handles for each in resources) else owner


def _nodes(definition: Any) -> list[Any]:
    functions = [function.node_def for function in definition.library.function]
    return [node for nodes in (definition.node, *functions) for node in nodes]


def _has_mask(nodes: Sequence[Any]) -> bool:
    numbers = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    floats = (each for each in numbers if each.dtype == tf.float32.as_datatype_enum)
    return any(mask_bounds.seen(_numbers(each)).masks for each in floats)


def _numbers(constant: Any) -> np.ndarray:
    """What is in a TensorProto; of a constant of one number that alone, however large it is."""
    return np.array(constant.float_val) if constant.float_val else tf.make_ndarray(constant)


def _called_with(model: Any) -> tuple[dict[str, tf.TensorSpec], Any]:
    """What a subclassed model was called with: specs by name, and their structure."""
    saved = model.save_spec()
    if saved is None:
        raise never_called(model)
    structure = saved[0][0]
    specs = tf.nest.flatten(structure)
    if isinstance(structure, dict):
        return dict(zip(sorted(structure), specs, strict=True)), structure
    return {spec.name or f"input_{index + 1}": spec for index, spec in enumerate(specs)}, structure


def _fixed_shape(name: str, shape: tf.TensorShape) -> list[int]:
    batch, *rest = shape.as_list()
    if None in rest:
        raise errors.BadInput(
            f"input {name!r}",
            f"its shape {(batch, *rest)} is open beyond the batch, and would convert to size 1",
            "Give a fixed one with --input_shape.",
        )
    return [batch or 1, *rest]


def _names(outputs: Any, known: Sequence[str] | None) -> list[str]:
    if isinstance(outputs, dict):
        return sorted(outputs)
    count = len(tf.nest.flatten(outputs))
    if known is not None and len(known) == count:
        return list(known)
    return ["output"] if count == 1 else [f"output_{index}" for index in range(count)]
