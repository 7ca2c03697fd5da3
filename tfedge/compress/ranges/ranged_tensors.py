"""Which tensors of a model need a range to become integers, and what each range is called.

Those that become an int8 tensor in the .tflite, which is where the converter needs a range and
nowhere else: not between a convolution and the ReLU it is fused with, not after layers that only
move values, not after softmax or sigmoid, whose range LiteRT fixes.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions, operations
from tfedge.compress.ranges import input_prefix, uneven_inputs

_Calls = frozenset[tuple[str, int]]  # of layers: name, number of the call


@dataclasses.dataclass(frozen=True, eq=False)
class Ranged:
    """The tensors that need a range.

    Attributes:
        inputs: input -> its range.
        outputs: (layer, number of its call, number of its output) -> its range.
        edges: id of a tensor that leaves the part in front of the integers -> its range; it is
            for those alone that read it behind that part.
        inside: the calls of that part.
        tensors: range -> the tensor of the model.
        in_float: id of a tensor that has a range -> the calls that read it as it was before.
        given: the ranges of what inputs hold, as it is or only scaled and moved: data have them,
            and no training changes them.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[tuple[str, int, int], str]
    edges: Mapping[int, str]
    inside: _Calls
    tensors: Mapping[str, Any]
    in_float: Mapping[int, _Calls]
    given: frozenset[str]


def find(model: k.Model, keep_float: bool = False, joins: _Calls = frozenset()) -> Ranged:
    """The tensors of a model, as `fake_quantization.one_operator_each` has it, that need a range.

    Args:
        model: flat tf_keras model, one operator each.
        keep_float: none is in front of where uneven inputs have come to one scale.
        joins: calls that compute in float, behind the integers.
    """
    readers = graph.consumers(model)
    uneven = uneven_inputs.find(model) if keep_float else None
    inside = uneven.prefix.calls if uneven else frozenset[tuple[str, int]]()
    inputs = {
        name: tensor
        for name, tensor in _inputs(model)
        if not (uneven and name in uneven.columns)
        and not (readers[name] and all(map(operations.makes_integers, readers[name])))
        and not (keep_float and readers[name] and all(map(_cuts_off, readers[name])))
    }
    states = _states(model)
    unread = {number for number, state in states.items() if not state.is_read_as_integers}
    outputs = dict(_outputs(model, readers, joins.union(inside), unread))
    edges = _read_behind(model, uneven.prefix) if uneven else {}
    return Ranged(
        {name: range_of_input(name) for name in inputs},
        {place: _name(*place) for place in outputs},
        {number: range_of(edge) for number, edge in edges.items()},
        inside,
        {range_of_input(name): tensor for name, tensor in inputs.items()}
        | {range_of(edge): edge.tensor for edge in edges.values()}
        | {_name(*place): tensor for place, tensor in outputs.items()},
        {number: state.in_float for number, state in states.items()},
        frozenset(
            [
                *map(range_of_input, inputs),
                *map(range_of, edges.values()),
                *(_name(*place) for place in outputs if place[:2] in _untrained_prefix(model)),
            ]
        ),
    )


def _untrained_prefix(model: k.Model) -> _Calls:
    """The calls in front of the first layers that mix values, but for those that are trained."""
    calls = input_prefix.find(model).calls
    return frozenset(call for call in calls if not model.get_layer(call[0]).trainable_weights)


def range_of(edge: input_prefix.Edge) -> str:
    """What the range of a tensor is called."""
    return _name(edge.layer, edge.call, edge.number)


def range_of_input(name: str) -> str:
    """What the range of an input is called."""
    return _name(name, 0, 0)


def fixed(layer: k.Layer) -> tuple[float, float] | None:
    """The range of what a layer puts out as an integer, where LiteRT fixes it."""
    function = functions.name(layer) or facts.of(layer).op
    return functions.FUNCTIONS[function].range if function in functions.FUNCTIONS else None


def _name(layer: str, call: int, tensor: int) -> str:
    return f"{layer}_range_{call}_{tensor}"


def _inputs(model: k.Model) -> Iterator[tuple[str, Any]]:
    for tensor in model.inputs:
        if tensor.dtype.is_floating:
            yield tensor._keras_history.layer.name, tensor


def _outputs(
    model: k.Model, readers: Mapping[str, list[Any]], in_float: _Calls, unread: set[int]
) -> Iterator[tuple[tuple[str, int, int], Any]]:
    for node, call in graph.order_of_calls(model):
        layer = node.layer
        if node.is_input or (layer.name, call) in in_float:
            continue
        if _needs_range(layer, readers[layer.name]):
            for number, tensor in enumerate(tf.nest.flatten(node.outputs)):
                if tensor.dtype.is_floating and id(tensor) not in unread:
                    yield (layer.name, call, number), tensor


@dataclasses.dataclass(frozen=True, eq=False)
class _State:
    """Who reads what a recurrent layer keeps between steps."""

    in_float: _Calls
    is_read_as_integers: bool


def _states(model: k.Model) -> dict[int, _State]:
    """By the id of the tensor.

    A state leaves the layer's loop beside the answers, and the converter does not bring it to the
    scale of what it is joined or compared with: that is done in float. So is what only moves it
    there.
    """
    read_by: dict[int, list[tuple[Any, int]]] = {}
    for node, call in graph.order_of_calls(model):
        for tensor in () if node.is_input else tf.nest.flatten(node.keras_inputs):
            read_by.setdefault(id(tensor), []).append((node, call))
    ends = set(map(id, model.outputs))

    def in_float(tensor: Any) -> _Calls:
        return frozenset(
            (node.layer.name, call)
            for node, call in read_by.get(id(tensor), ())
            if operations.has_one_scale(node.layer)
            or (operations.moves(node.layer) and all(map(only_in_float, _made_by(node))))
        )

    def only_in_float(tensor: Any) -> bool:
        readers = read_by.get(id(tensor), ())
        return bool(readers) and id(tensor) not in ends and len(in_float(tensor)) == len(readers)

    return {
        id(state): _State(in_float(state), not only_in_float(state))
        for node in graph.nodes(model)
        for state in _made_by(node)[1:]
        if not operations.moves(node.layer)
    }


def _made_by(node: Any) -> list[Any]:
    return tf.nest.flatten(node.outputs)


def _read_behind(model: k.Model, prefix: input_prefix.Prefix) -> dict[int, input_prefix.Edge]:
    """Id -> what leaves a prefix and is read as floats by a call behind it."""
    return {
        id(tensor): prefix.edges[id(tensor)]
        for node, call in graph.order_of_calls(model)
        if not node.is_input and (node.layer.name, call) not in prefix.calls
        if not operations.makes_integers(node.layer)
        for tensor in tf.nest.flatten(node.keras_inputs)
        if id(tensor) in prefix.edges and tensor.dtype.is_floating
    }


def _needs_range(layer: k.Layer, readers: list[Any]) -> bool:
    found, name = facts.of(layer), functions.name(layer)
    if found.keeps_range or (_fixes_range(layer) and fixed(layer)):
        return False
    # A cast of floats to floats is no operator: with two ranges one tensor would have two scales.
    moved = (*operations.MOVES, "cast")
    if name in moved and is_operation(layer) and _reads_floats(layer):
        return False
    fused = len(readers) == 1 and _is_fused(readers[0])
    return not (fused and name in ("linear", None))


def _fixes_range(layer: k.Layer) -> bool:
    return is_operation(layer) or facts.of(layer).fixes_range


def _cuts_off(layer: k.Layer) -> bool:
    """Whether only a part of the range of what comes in goes on, as of the mask of attention."""
    read = tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)
    return operations.is_ours(layer) and layer.op in operations.EXTREMES and len(read) == 1


def _reads_floats(layer: k.Layer) -> bool:
    """Not of a table with rows that integers choose, for one."""
    read = tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)
    return any(tensor.dtype.is_floating for tensor in read)


def _is_fused(layer: k.Layer) -> bool:
    """Whether what a layer reads becomes an integer only behind it."""
    return functions.is_relu(layer) if is_operation(layer) else facts.of(layer).fuses(layer)


def is_operation(layer: k.Layer) -> bool:
    """Whether a layer is an operation between layers."""
    return type(layer).__name__ in operations.CLASSES
