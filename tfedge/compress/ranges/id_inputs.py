"""Ids that come in as floats, as older Keras code has them: what reads them reads integers.

An id chooses a row of a table. Rounded to a step of an int8 input's scale it would be another id.
So there is a cast right behind the input, as the table has one itself, and no range is put on it.
"""

from collections.abc import Iterator
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels, operations

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_Calls = frozenset[tuple[str, int]]  # of layers: name, number of the call


def apart(model: k.Model) -> k.Model:
    """The same function of whole numbers; the model itself where no float input holds ids.

    Args:
        model: flat tf_keras model.

    Returns:
        A model with the same inputs, in which tables and casts to integers read integers, and so do
        comparisons with an input that has such readers. What moves values on the way to them is
        there once more for what else it serves.
    """
    calls = frozenset(_calls(model))
    if not calls:
        return model
    integers = _Integers(model)

    def before(call: graph.Call, old: Any, new: Any) -> Any:
        return integers.of(old) if (call.name, call.index) in calls else new

    compared = {name: [graph.Replacement(op)] for name, op in _compared(model, calls).items()}
    return graph.rebuild(model, compared, after_input=integers.start, before=before)


def may_have(model: k.Model) -> bool:
    """Whether a model, flat or not, has a float input, and layers that choose by ids."""
    layers = model._flatten_layers(include_self=False) if graph.is_functional(model) else ()
    return any(operations.is_cast(layer) or kernels.has_table(layer) for layer in layers) and any(
        tensor.dtype.is_floating for tensor in model.inputs
    )


def find(model: k.Model) -> dict[str, bool]:
    """The float inputs that hold ids -> whether quantities, too; of a model as `apart` makes it."""
    readers = graph.consumers(model)
    return {
        name: not all(map(operations.makes_integers, readers[name]))
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
        if tensor.dtype.is_floating and any(map(operations.makes_integers, readers[name]))
    }


def _calls(model: k.Model) -> Iterator[tuple[str, int]]:
    """Those that are to read integers and do not yet."""
    inputs = list(zip(model.input_names, model.inputs, strict=True))
    origins = {id(tensor): {name} for name, tensor in inputs if tensor.dtype.is_floating}
    choosing, comparing = [], []
    for node, index in graph.order_of_calls(model):
        read = tf.nest.flatten(node.keras_inputs)
        if node.is_input or not read or any(id(tensor) not in origins for tensor in read):
            continue
        found = set[str]().union(*(origins[id(tensor)] for tensor in read))
        if operations.makes_integers(node.layer) or kernels.looks_up(node):
            choosing.append((node, index, found))
        elif _is_comparison(node.layer):
            comparing.append((node, index, found))
        elif operations.moves(node.layer) and not node.call_kwargs.get("training"):
            origins |= {id(tensor): found for tensor in tf.nest.flatten(node.outputs)}
    with_ids = set[str]().union(*(found for _, _, found in choosing))
    for node, index, found in (*choosing, *comparing):
        if found <= with_ids and not _is_apart(node, model):
            yield node.layer.name, index


def _is_apart(node: Any, model: k.Model) -> bool:
    """Whether a call is a cast right behind an input."""
    starts = {id(tensor) for tensor in model.inputs}
    casts = operations.makes_integers(node.layer)
    return casts and id(tf.nest.flatten(node.keras_inputs)[0]) in starts


def _is_comparison(layer: k.Layer) -> bool:
    """Whether numbers are compared with each other, or with whole ones."""
    if not operations.is_ours(layer) or layer.op not in _COMPARISONS:
        return False
    others = [value for value in layer.arguments or () if not _is_tensor(value)]
    return all(isinstance(value, int | float) and value == int(value) for value in others)


def _compared(model: k.Model, calls: _Calls) -> dict[str, Any]:
    """Comparisons with floats -> those with integers in their place."""
    from tfedge.compress.bridge import op_layer  # loads TensorFlow

    layers = [model.get_layer(name) for name, _ in calls]
    return {
        each.name: op_layer.Op(each.op, _whole(each.arguments), each.settings, name=each.name)
        for each in layers
        if _is_comparison(each) and each.arguments is not None
    }


def _whole(arguments: list[Any]) -> list[Any]:
    return [value if _is_tensor(value) else int(value) for value in arguments]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and "tensor" in value


class _Integers:
    """The tensors of a model, up to where ids are read, as integers of its copy."""

    def __init__(self, model: k.Model):
        self._inputs = {
            id(tensor): name for tensor, name in zip(model.inputs, model.input_names, strict=True)
        }
        self._taken = {layer.name for layer in model.layers}
        self._started: dict[str, Any] = {}
        self._made: dict[int, Any] = {}
        self._twins: dict[str, Any] = {}

    def start(self, name: str, tensor: k.Tensor) -> k.Tensor:
        """An input of the copy goes on as it is."""
        self._started[name] = tensor
        return tensor

    def of(self, old: k.Tensor) -> k.Tensor:
        """In place of a tensor of the model."""
        if id(old) not in self._made:
            if id(old) in self._inputs:
                self._made[id(old)] = self._cast(self._inputs[id(old)])
            else:
                self._move(old._keras_history)
        return self._made[id(old)]

    def _cast(self, name: str) -> k.Tensor:
        from tfedge.compress.bridge import op_layer  # loads TensorFlow

        cast = op_layer.Op("cast", [{"tensor": 0}, "int32"], name=self._free(name))
        return cast(self._started[name])

    def _move(self, made_by: Any) -> None:
        layer, node = made_by.layer, made_by.layer.inbound_nodes[made_by.node_index]
        if layer.name not in self._twins:
            config = {**layer.get_config(), "name": self._free(layer.name)}
            self._twins[layer.name] = type(layer).from_config(config)
        found = {id(tensor): self.of(tensor) for tensor in tf.nest.flatten(node.keras_inputs)}
        args, kwargs = tf.nest.map_structure(
            lambda value: found.get(id(value), value), (node.call_args, node.call_kwargs)
        )
        outputs = tf.nest.flatten(self._twins[layer.name](*args, **kwargs))
        for old, new in zip(tf.nest.flatten(node.outputs), outputs, strict=True):
            self._made[id(old)] = new

    def _free(self, name: str) -> str:
        while name in self._taken:
            name = f"{name}_ids"
        self._taken.add(name)
        return name
