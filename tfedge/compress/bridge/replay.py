"""A functional model of either Keras as a plain list of calls, so that it can be made again.

Both Kerases keep a graph of nodes; they differ in where, and Keras 3 writes the masks that
tf_keras passes on by itself into it. What comes out of here is the same for both.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from tfedge.compress import keras


@dataclasses.dataclass(frozen=True)
class Call:
    """One use of a layer or an operation.

    Attributes:
        operation: the layer, or in Keras 3 also an operation of `keras.ops`.
        args: positional arguments; symbolic tensors among constants, in any structure.
        kwargs: keyword arguments, without masks that follow the tensors anyway.
        outputs: the symbolic tensors that came out, flat.
    """

    operation: Any
    args: tuple
    kwargs: Mapping[str, Any]
    outputs: tuple

    def tensors(self) -> list[Any]:
        """The symbolic tensors among the arguments, flat, as often as they occur."""
        return [v for v in flat((self.args, self.kwargs)) if is_symbolic(v)]


def is_keras3(thing: Any) -> bool:
    """Whether a model, layer or symbolic tensor is one of Keras 3; imports nothing to tell."""
    return is_keras3_class(type(thing))


def is_keras3_class(kind: type) -> bool:
    """Whether a class is derived from one of Keras 3."""
    return any(base.__module__.split(".")[0] == "keras" for base in kind.__mro__)


def is_functional(model: Any) -> bool:
    """Whether a model of either Keras has a graph of layers: functional, or a built Sequential.

    A subclass with a `call` of its own has none, even where its constructor drew one.
    """
    if is_keras3(model):
        kinds = (keras.keras3().Sequential, keras.keras3().Function)
        drawn = is_sequential(model) and model._functional is not None
    else:
        kinds = (keras.tf_keras.Sequential, keras.tf_keras.src.engine.functional.Functional)
        drawn = is_sequential(model) and bool(model.inputs)
    if not isinstance(model, kinds) or not isinstance(model, _model_class(model)):
        return False
    caller = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return _is_from_keras(caller) and (drawn or not is_sequential(model))


def is_sequential(model: Any) -> bool:
    """Whether a model of either Keras is a Sequential one."""
    package = keras.keras3() if is_keras3(model) else keras.tf_keras
    return isinstance(model, package.Sequential)


def is_model(thing: Any) -> bool:
    """Whether a layer of either Keras is a model."""
    return isinstance(thing, _model_class(thing))


def is_symbolic(value: Any) -> bool:
    """Whether a value is a tensor of a functional graph."""
    return hasattr(value, "_keras_history")


def input_name(tensor: Any) -> str:
    """That of an input of a model of either Keras."""
    history = tensor._keras_history
    return str(history.operation.name if is_keras3(tensor) else history.layer.name)


def inputs(model: Any) -> Any:
    """The symbolic inputs, in the structure (tensor, list, dict) the model is called with."""
    if is_sequential(model):
        return model.inputs[0]
    return model._inputs_struct if is_keras3(model) else model._nested_inputs


def outputs(model: Any) -> Any:
    """The symbolic outputs, in the structure the model returns."""
    if is_sequential(model):
        return model.outputs[0]
    return model._outputs_struct if is_keras3(model) else model._nested_outputs


def calls(model: Any) -> list[Call]:
    """The calls that the outputs depend on, each after those it depends on."""
    graph = model._functional if is_keras3(model) and is_sequential(model) else model
    by_depth = graph._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    read = of_keras3_node if is_keras3(model) else _tf_keras_call
    found = [read(node) for node in nodes if not node.is_input]
    needed, kept = {id(t) for t in flat(outputs(model))}, []
    for call in reversed(found):
        if any(id(t) in needed for t in call.outputs):
            kept.append(call)
            needed |= {id(t) for t in call.tensors()}
    return kept[::-1]


def replay(model: Any, given: Any, make: Callable[[Call, tuple, dict], Any]) -> Any:
    """Runs the graph of `model` on other tensors.

    Args:
        model: a functional model of either Keras.
        given: what takes the place of its inputs, in their structure.
        make: called for every call with its arguments, tensors already replaced; returns what
            the call gives, in the structure of the original.

    Returns:
        The outputs, in their structure.
    """
    tensors = dict(zip(map(id, flat(inputs(model))), flat(given), strict=True))

    def current(value: Any) -> Any:
        return tensors[id(value)] if is_symbolic(value) else value

    for call in calls(model):
        args, kwargs = substitute(call.args, current), substitute(dict(call.kwargs), current)
        results = flat(make(call, args, kwargs))
        tensors.update(zip(map(id, call.outputs), results, strict=True))
    return substitute(outputs(model), current)


def flat(structure: Any) -> list[Any]:
    """The leaves, dicts by sorted key as both Kerases do."""
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in flat(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in flat(item)]
    return [structure]


def substitute(structure: Any, change: Callable[[Any], Any]) -> Any:
    """The structure with every leaf changed."""
    if isinstance(structure, Mapping):
        return {key: substitute(value, change) for key, value in structure.items()}
    if isinstance(structure, tuple):
        return tuple(substitute(item, change) for item in structure)
    if isinstance(structure, list):
        return [substitute(item, change) for item in structure]
    return change(structure)


def of_keras3_node(node: Any) -> Call:
    """A node of a graph of Keras 3."""
    args, kwargs = node.arguments.args, node.arguments.kwargs
    follows = [getattr(t, "_keras_mask", None) for t in node.arguments.keras_tensors]
    kept = {
        name: value
        for name, value in kwargs.items()
        if not (name.endswith("mask") and _all_in(value, follows))
    }
    return Call(node.operation, args, kept, tuple(node.outputs))


def _all_in(value: Any, tensors: list[Any]) -> bool:
    return all(leaf is None or any(leaf is t for t in tensors) for leaf in flat(value))


def _tf_keras_call(node: Any) -> Call:
    return Call(node.layer, tuple(node.call_args), node.call_kwargs, tuple(flat(node.outputs)))


def _model_class(thing: Any) -> Any:
    return keras.keras3().Model if is_keras3(thing) else keras.tf_keras.Model


def _is_from_keras(kind: type) -> bool:
    return kind.__module__.split(".")[0] in ("keras", "tf_keras")
