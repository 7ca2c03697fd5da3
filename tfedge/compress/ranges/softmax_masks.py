"""Bounds the masks of attention in a model that is to be trained for integers.

See `mask_bounds`. A mask that the app gives is cut off before anything reads it. The constants are
those of operations between layers; what MultiHeadAttention
and the like have inside stays float in training and in the file.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import operations
from tfedge.compress.ranges import fake_quantization, mask_bounds
from tfedge.data.task import Task

_SINKS = ("softmax", "log_softmax", "exp", "sigmoid")
_RULES: dict[str, mask_bounds.Rule] = {
    "add": mask_bounds.add,
    "subtract": mask_bounds.subtract,
    "multiply": mask_bounds.multiply,
    "where": mask_bounds.same,
    "maximum": mask_bounds.same,
    "minimum": mask_bounds.same,
}
_OPERANDS = ("x1", "x2")  # as keras.ops calls them
Seen = Mapping[int, mask_bounds.Seen]


def bound(model: k.Model, task: Task) -> k.Model:
    """The model with masks no further from its scores than they need to be.

    Args:
        model: flat tf_keras model.
        task: whose calibration split shows how far that is.

    Returns:
        A model with the same layers by name, `model` itself where nothing is masked.
    """
    nodes = [node for node in graph.nodes(model) if not node.is_input]
    watched = _on_the_way(nodes)
    constants = [
        mask_bounds.seen(_array(value))
        for node in nodes
        for value in _operands(node)
        if _is_constant(value)
    ]
    given = {
        id(tensor): name
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
        if id(tensor) in watched
    }
    if not watched or not (given or any(each.masks for each in constants)):
        return model
    seen = _seen(model, watched, task)
    bounds: dict[int, float] = {}
    replace = {}
    for node in reversed(nodes):
        changed = _ask_operands(node, seen, bounds)
        if changed:
            replace[node.layer.name] = [graph.Replacement(_with_bounds(node.layer, changed))]
    cut = {name: bounds[tensor] for tensor, name in given.items() if tensor in bounds}
    if not replace and not cut:
        return model
    return graph.rebuild(
        model, replace, after_input=lambda name, x: _cut(name, x, cut[name]) if name in cut else x
    )


def _cut(name: str, given: Any, bound: float) -> Any:
    """A mask that the app gives, up to its bound."""
    from tfedge.compress.bridge import op_layer

    op = "maximum" if bound < 0 else "minimum"
    return op_layer.Op(op, [{"tensor": 0}, bound], name=f"{name}_bounded")(given)


def _on_the_way(nodes: list[Any]) -> dict[int, Any]:
    """Tensors by id that reach softmax by way of operations with a rule."""
    reached: dict[int, Any] = {}
    for node in reversed(nodes):
        outputs = {id(tensor) for tensor in tf.nest.flatten(node.outputs)}
        if _is_sink(node.layer) or (outputs & set(reached) and _rule(node.layer)):
            given = [each for each in _operands(node) if not _is_constant(each)]
            reached |= {id(tensor): tensor for tensor in given}
    return reached


def _seen(model: k.Model, watched: Mapping[int, Any], task: Task) -> dict[int, mask_bounds.Seen]:
    observed = k.tf_keras.Model(model.inputs, list(watched.values()))
    found = dict.fromkeys(watched, mask_bounds.Seen())
    for x, _ in task.calibration.batches(32):
        inputs = fake_quantization.inputs_of(model, task.normalization(x))
        values = tf.nest.flatten(observed(inputs, training=False))
        for index, value in zip(watched, values, strict=True):
            found[index] |= mask_bounds.seen(value.numpy())
    return found


def _ask_operands(node: Any, seen: Seen, bounds: dict[int, float]) -> dict[int, float]:
    """Adds the bounds of the tensors that one layer reads; returns those of its constants."""
    operands = _operands(node)
    output = id(tf.nest.flatten(node.outputs)[0])
    rule = _rule(node.layer)
    if _is_sink(node.layer):
        needed = [mask_bounds.floor(seen[id(operands[0])])]
    elif rule is not None and output in bounds:
        held = [
            mask_bounds.seen(_array(each)) if _is_constant(each) else seen[id(each)]
            for each in operands
        ]
        needed = mask_bounds.of_operands(rule, bounds[output], seen[output], held)
    else:
        return {}
    constants = {}
    for place, (operand, each) in enumerate(zip(operands, needed, strict=True)):
        if each is not None and _is_constant(operand):
            constants[place] = each
        elif each is not None:
            bounds[id(operand)] = mask_bounds.further(bounds.get(id(operand)), each)
    return constants


def _is_sink(layer: k.Layer) -> bool:
    return operations.name(layer) in _SINKS


def _rule(layer: k.Layer) -> mask_bounds.Rule | None:
    moves = operations.moves(layer)
    return mask_bounds.same if moves else _RULES.get(operations.name(layer))


def _operands(node: Any) -> list[Any]:
    """Tensors of real numbers, and constants where the operation computes with them."""
    tensors, layer = tf.nest.flatten(node.keras_inputs), node.layer
    if operations.is_ours(layer) and layer.op in _RULES and layer.arguments is not None:
        tensors = [
            tensors[value["tensor"]] if _is_tensor(value) else value
            for value in (_holder(layer.get_config(), each)[each] for each in _places(layer))
        ]
    return [each for each in tensors if _is_constant(each) or each.dtype.is_floating]


def _places(layer: k.Layer) -> list[int | str]:
    """Where an `Op` has what it computes with: numbers of arguments, names of settings.

    What chooses between the others is left out. `where(mask, scores, -1e9)` ends in a setting.
    """
    first = int(layer.op == "where")
    named = [name for name in _OPERANDS if name in layer.settings]
    return [*range(first, len(layer.arguments)), *named]


def _holder(config: Mapping[str, Any], place: int | str) -> Any:
    return config["arguments" if isinstance(place, int) else "settings"]


def _with_bounds(layer: k.Layer, bounds: Mapping[int, float]) -> Any:
    """A twin of an `Op` with other constants."""
    config = copy.deepcopy(layer.get_config())
    places = _places(layer)
    for number, each in bounds.items():
        holder = _holder(config, places[number])
        holder[places[number]] = _bounded(holder[places[number]], each)
    return type(layer).from_config(config)


def _bounded(constant: Any, bound: float) -> Any:
    values = mask_bounds.clip(_array(constant), bound)
    if isinstance(constant, Mapping):
        return {"array": values.tolist(), "dtype": "float32"}
    return float(values)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and "tensor" in value


def _is_constant(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Mapping) and "array" in value)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value["array"] if isinstance(value, Mapping) else value, np.float64)
