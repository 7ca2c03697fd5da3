"""Replays a functional tf_keras model into a new, flat one, changing layers on the way.

The replay never touches the input model: layers are made anew from their config and get a
copy of the weights. Nested models are dissolved; a layer used twice stays one layer.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Replacement:
    """A new layer and the weights it gets once it is built."""

    layer: Any
    weights: Sequence[np.ndarray] = ()


@dataclasses.dataclass(frozen=True)
class Call:
    """One use of a layer in a replay.

    Attributes:
        layer: the layer of the old model.
        name: its name in the new model.
        index: 0 for the first use, 1 for the next, ...
    """

    layer: Any
    name: str
    index: int


After = Callable[[Call, Any], Any]
Before = Callable[[Call, Any, Any], Any]


def rebuild(
    model: k.Model,
    replace: Mapping[str, Sequence[Replacement]] | None = None,
    after: After | None = None,
    after_input: Callable[[str, Any], Any] | None = None,
    before: Before | None = None,
    *,
    input_types: Mapping[str, str] | None = None,
) -> k.Model:
    """A flat copy of `model`.

    Args:
        model: functional or Sequential tf_keras model.
        replace: layer name -> the layers that stand in its place, called one after the other;
            none drops it (its input passes through). Names are those of a flat model.
        after: called with every use of a layer and its output (one tensor or a structure);
            what it returns goes on.
        after_input: the same for the inputs, by name.
        before: called with every use of a layer and each tensor that it reads, that of the old
            model and that of the new one; what it returns is read instead.
        input_types: input -> its new type; the others keep theirs.

    Returns:
        A tf_keras.Model with the same inputs and the same outputs, in order and by name,
        whichever layers they come from now.

    Raises:
        BadInput: the model is neither functional nor Sequential.
    """
    if not is_functional(model):
        raise BadInput(
            f"model {getattr(model, 'name', type(model).__name__)!r}",
            "a subclassed model, or one of which only the functions are known, has no layer graph"
            " to compress",
            "Export it (--recipe='') or rebuild it with the functional API.",
        )
    return _Replay(replace or {}, after, after_input, before, input_types or {}).run(model)


def behind(model: k.Model, starts: Mapping[str, Any]) -> k.Model:
    """A copy of what comes behind some tensors of a flat model.

    Args:
        model: flat tf_keras model.
        starts: name of a new input -> the tensor of `model` that it takes the place of. All that
            outputs are computed from comes out of these.

    Returns:
        A tf_keras.Model with these inputs and the outputs of `model`.
    """
    return _Replay({}, None, None, None, {}).run_behind(model, starts)


def order_of_calls(model: k.Model) -> Iterator[tuple[Any, int]]:
    """(node, number of the call of its layer) of a flat model, readers behind what they read."""
    counts: dict[int, int] = {}
    for node in nodes(model):
        index = counts.get(id(node.layer), 0)
        counts[id(node.layer)] = index + 1
        yield node, index


def is_functional(model: k.Model) -> bool:
    """Whether a tf_keras model has a layer graph (functional, or a built Sequential)."""
    functional = k.tf_keras.src.engine.functional.Functional
    return isinstance(model, functional) and bool(getattr(model, "_nodes_by_depth", None))


def output_names(model: k.Model) -> list[str]:
    """Names of the outputs as a task's targets have them, in the order of `model.outputs`."""
    structure = _output_structure(model)
    return sorted(structure) if isinstance(structure, dict) else list(model.output_names)


def consumers(model: k.Model) -> dict[str, list[Any]]:
    """Layer name -> the layers that read one of its outputs, in a flat model."""
    readers: dict[str, list[Any]] = {layer.name: [] for layer in model.layers}
    for node in nodes(model):
        for tensor in tf.nest.flatten(node.keras_inputs):
            readers[tensor._keras_history.layer.name].append(node.layer)
    return readers


def nodes(model: k.Model) -> list[Any]:
    """Nodes in an order in which each comes after all that it reads."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


class _Replay:
    """One replay: old layers -> new layers, and the tensors so far."""

    def __init__(
        self,
        replace: Mapping,
        after: After | None,
        after_input: Callable | None,
        before: Before | None,
        input_types: Mapping[str, str],
    ):
        self._replace, self._after, self._after_input = replace, after, after_input
        self._before, self._input_types = before, input_types
        self._new: dict[int, list[Any]] = {}
        self._names: dict[int, str] = {}
        self._calls: dict[int, int] = {}

    def run(self, model: k.Model) -> k.Model:
        inputs = [self._input(tensor) for tensor in model.inputs]
        self._names |= {
            id(t._keras_history.layer): t._keras_history.layer.name for t in model.inputs
        }
        started = inputs
        if self._after_input is not None:
            started = [
                self._after_input(t._keras_history.layer.name, new)
                for t, new in zip(model.inputs, inputs, strict=True)
            ]
        return self._model(model, _as_before(model, inputs), self._inline(model, started))

    def run_behind(self, model: k.Model, starts: Mapping[str, Any]) -> k.Model:
        inputs = [
            k.tf_keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
            for name, tensor in starts.items()
        ]
        tensors = {id(old): new for old, new in zip(starts.values(), inputs, strict=True)}
        outputs = self._replay(model, tensors)
        return self._model(model, inputs if len(inputs) > 1 else inputs[0], outputs)

    def _model(self, model: k.Model, inputs: Any, outputs: list[Any]) -> k.Model:
        structure = tf.nest.pack_sequence_as(_output_structure(model), outputs)
        made = k.tf_keras.Model(inputs, structure, name=model.name)
        made.output_names = list(model.output_names)
        return made

    def _input(self, tensor: k.Tensor) -> k.Tensor:
        name = tensor._keras_history.layer.name
        dtype = self._input_types.get(name, tensor.dtype)
        return k.tf_keras.Input(batch_shape=tensor.shape, dtype=dtype, name=name)

    def _inline(
        self, model: k.Model, given: Sequence[Any], training: bool | None = None
    ) -> list[Any]:
        """The output tensors of `model` called on `given`, in a fixed mode if one is set."""
        tensors = {id(old): new for old, new in zip(model.inputs, given, strict=True)}
        return self._replay(model, tensors, training)

    def _replay(
        self, model: k.Model, tensors: dict[int, Any], training: bool | None = None
    ) -> list[Any]:
        """The outputs, from old tensor's id -> new one; calls that read any other are left out."""
        for node in nodes(model):
            read = tf.nest.flatten(node.keras_inputs)
            done = all(id(tensor) in tensors for tensor in tf.nest.flatten(node.outputs))
            if node.is_input or done or any(id(tensor) not in tensors for tensor in read):
                continue
            args, kwargs = tf.nest.map_structure(
                functools.partial(self._given, node.layer, tensors),
                (node.call_args, node.call_kwargs),
            )
            if training is not None and node.layer._expects_training_arg:
                kwargs = {"training": training, **kwargs}
            outputs = self._call(node.layer, args, kwargs)
            for old, new in zip(
                tf.nest.flatten(node.outputs), tf.nest.flatten(outputs), strict=True
            ):
                tensors[id(old)] = new
        return [tensors[id(tensor)] for tensor in model.outputs]

    def _given(self, layer: k.Layer, tensors: Mapping[int, Any], value: Any) -> Any:
        """What a layer reads in place of an old tensor, or of a constant."""
        new = tensors.get(id(value), value)
        if self._before is None or new is value:
            return new
        name = self._names.get(id(layer), layer.name)
        return self._before(Call(layer, name, self._calls.get(id(layer), 0)), value, new)

    def _call(self, layer: k.Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if is_functional(layer):
            return self._inline(layer, tf.nest.flatten(args[0]), kwargs.get("training"))
        index = self._calls.get(id(layer), 0)
        self._calls[id(layer)] = index + 1
        if id(layer) not in self._new:
            self._names[id(layer)] = self._free_name(layer.name)
            outputs = self._make(layer, args, kwargs)
        else:
            outputs = _chain(self._new[id(layer)], args, kwargs)
        if self._after is None:
            return outputs
        return self._after(Call(layer, self._names[id(layer)], index), outputs)

    def _make(self, layer: k.Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The first call of a layer: its twin, or what stands in its place, is made and built."""
        name = self._names[id(layer)]
        if name not in self._replace:
            twin = _twin(layer, name)
            self._new[id(layer)] = [twin]
            outputs = _chain([twin], args, kwargs)
            _share_weights(layer, twin)
            return outputs
        replacements = list(self._replace[name])
        self._new[id(layer)] = [replacement.layer for replacement in replacements]
        outputs = _chain(self._new[id(layer)], args, kwargs)
        for replacement in replacements:
            if len(replacement.weights):
                replacement.layer.set_weights(replacement.weights)
        return outputs

    def _free_name(self, name: str) -> str:
        taken, free, number = set(self._names.values()), name, 0
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        return free


def _twin(layer: k.Layer, name: str) -> k.Layer:
    """A new layer of the same class and settings.

    Raises:
        BadInput: the layer cannot be made again from its config.
    """
    try:
        return type(layer).from_config({**layer.get_config(), "name": name})
    except (NotImplementedError, TypeError, ValueError) as error:
        raise BadInput(
            f"layer {layer.name!r}",
            f"a {type(layer).__name__} cannot be made again from its config"
            f" ({str(error).splitlines()[0]})",
            "Compression needs functional models, also inside of models, and layers whose"
            " get_config() gives all that __init__ takes.",
        ) from error


def _share_weights(layer: k.Layer, twin: k.Layer) -> None:
    """Gives a twin the weights of its layer; TensorFlow copies one when either writes to it."""
    if not all(isinstance(weight, tf.Variable) for weight in layer.weights):
        twin.set_weights(layer.get_weights())  # tables that text is looked up in
        return
    for weight, own in zip(layer.weights, twin.weights, strict=True):
        own.assign(weight)
    for each in twin._flatten_layers():
        each.finalize_state()


def _chain(layers: Sequence[Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if not layers:
        return tf.nest.flatten(args)[0]
    value = layers[0](*args, **kwargs)
    for layer in layers[1:]:
        value = layer(value)
    return value


def _output_structure(model: k.Model) -> Any:
    structure = getattr(model, "_nested_outputs", None)
    return model.outputs if structure is None else structure


def _as_before(model: k.Model, inputs: list[Any]) -> Any:
    structure = getattr(model, "_nested_inputs", None)
    if structure is None:
        return inputs if len(inputs) > 1 else inputs[0]
    return tf.nest.pack_sequence_as(structure, inputs)
