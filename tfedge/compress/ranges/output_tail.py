"""What a model does to its outputs after the last values are mixed: scale, shift, move and join.

Or a last sigmoid or exponential.

A detector puts boxes in pixels and scores of 0 to 1 into one tensor in many spellings: Concatenate
behind Rescaling, a product with one constant a column, anchors added and strides multiplied, then
Reshape or Permute, and a ReLU or clip of all. Whichever it is, each element is made of one element
of one tensor in front of that part of the model.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions, operations
from tfedge.compress.ranges import input_prefix

_UNSEEN = 1  # for sizes that are open
_TRIED = 9  # values of a range: an activation need not be highest or lowest at its ends


@dataclasses.dataclass(frozen=True, eq=False)
class Tail:
    """The part of a flat model that one of its outputs comes out of.

    Attributes:
        position: of the output among the model's.
        output: its tensor in the model.
        calls: (layer, number of its call) of all layers that belong to it.
        made: the tensors that they make, the output last.
        edges: the tensors of the model that it reads, in order.
        squeezing: layers of it that make next to nothing of much of what they read.
    """

    position: int
    output: Any
    calls: frozenset[tuple[str, int]]
    made: tuple[Any, ...]
    edges: tuple[input_prefix.Edge, ...]
    squeezing: tuple[str, ...] = ()


class Reach(NamedTuple):
    """What each element of a tensor can be: (1, ...) float64."""

    low: np.ndarray
    high: np.ndarray


def find(model: k.Model) -> list[Tail]:
    """The tails of a flat tf_keras model, one for each output that has any."""
    calls = list(graph.order_of_calls(model))
    readers: dict[int, set[tuple[str, int]]] = {}
    for node, index in calls:
        for tensor in tf.nest.flatten(node.keras_inputs):
            readers.setdefault(id(tensor), set()).add((node.layer.name, index))
    joined = _joined(calls)
    tails = (_behind(output, calls, readers, joined, n) for n, output in enumerate(model.outputs))
    return [tail for tail in tails if tail is not None]


def with_functions_apart(model: k.Model) -> k.Model:
    """The same function with what squeezes at its ends as layers of their own, behind kernels."""
    edges = [edge.tensor for tail in find(model) for edge in tail.edges]
    ends = {tensor._keras_history.layer.name for tensor in (*model.outputs, *edges)}
    split = {}
    for layer in (each for each in model.layers if each.name in ends and _squeezes(each)):
        first, *others = facts.of(layer).operators(layer) or (None,)
        if first is not None:
            split[layer.name] = [
                graph.Replacement(first, layer.get_weights()),
                *map(graph.Replacement, others),
            ]
    return graph.rebuild(model, split) if split else model


def _joined(calls: Sequence[tuple[Any, int]]) -> set[int]:
    """Ids of the tensors that are joined of several, also when they went through more since."""
    found: set[int] = set()
    for node, _ in calls:
        read = tf.nest.flatten(node.keras_inputs)
        passes = _is_affine(node) or _is_elementwise(node)
        if passes and (len(read) > 1 or any(id(tensor) in found for tensor in read)):
            found.update(id(tensor) for tensor in tf.nest.flatten(node.outputs))
    return found


def _behind(
    output: Any,
    calls: Sequence[tuple[Any, int]],
    readers: Mapping[int, set],
    joined: Collection[int],
    position: int,
) -> Tail | None:
    """None where the output has no tail, or one that begins at an input of the model."""
    wanted = {id(output)}
    inside: set[tuple[str, int]] = set()
    kept: list[Any] = []
    squeezing: list[str] = []
    edges: list[input_prefix.Edge] = []
    for node, index in reversed(calls):
        made = tf.nest.flatten(node.outputs)
        if not any(id(tensor) in wanted for tensor in made):
            continue
        if node.is_input or not all(tensor.dtype.is_floating for tensor in made):
            return None
        elsewhere = any(readers.get(id(tensor), set()) - inside for tensor in made)
        # Else one that is fused into the kernel in front of it would be taken from there.
        squeezes = _is_elementwise(node) and _squeezes(node.layer)
        cuts = squeezes or (_is_elementwise(node) and id(made[0]) in joined)
        if (_is_affine(node) or cuts) and not elsewhere:
            squeezing += [node.layer.name] if squeezes else []
            inside.add((node.layer.name, index))
            kept += made[::-1]
            wanted.update(id(tensor) for tensor in tf.nest.flatten(node.keras_inputs))
            continue
        edges += [
            input_prefix.Edge(node.layer.name, index, number, tensor, None)
            for number, tensor in enumerate(made)
            if id(tensor) in wanted
        ]
    calls_inside = frozenset(inside)
    return (
        Tail(position, output, calls_inside, tuple(kept[::-1]), tuple(edges[::-1]), (*squeezing,))
        if inside
        else None
    )


def _is_affine(node: Any) -> bool:
    layer = node.layer
    if input_prefix.is_arithmetic(layer):
        return len(tf.nest.flatten(node.keras_inputs)) == 1
    known = facts.of(layer)
    is_map = known.affine is not None and known.folds is None  # else a kernel takes it over
    return is_map or operations.moves(layer)


def _squeezes(layer: k.Layer) -> bool:
    """Also of a kernel, whether what it ends in does."""
    return functions.of(layer).squeezes


def _is_elementwise(node: Any) -> bool:
    reads_one = len(tf.nest.flatten(node.keras_inputs)) == 1
    return reads_one and operations.is_elementwise(node.layer)


def model_of(model: k.Model, tails: Sequence[Tail], names: Mapping[int, str]) -> k.Model:
    """Tails as a model of their own.

    Args:
        model: the flat tf_keras model that they are of.
        tails: some of them.
        names: id of an edge's tensor -> what the input in its place is called.
    """
    whole = k.tf_keras.Model(model.inputs, [tail.output for tail in tails])
    tensors = {id(edge.tensor): edge.tensor for tail in tails for edge in tail.edges}
    return graph.behind(whole, {names[key]: tensor for key, tensor in tensors.items()})


def reach(
    model: k.Model, tail: Tail, ranges: Sequence[tuple[float, float]]
) -> tuple[Reach, ...] | None:
    """What each tensor that a tail makes can hold: seen by calling it along ranges of its edges.

    None where a value is not finite, or a size that was open matters.

    Args:
        model: the flat tf_keras model that it is of.
        tail: the tail.
        ranges: (lowest, highest) of each edge; both, 0 and some values between are tried.
    """
    names = {id(edge.tensor): f"edge_{number}" for number, edge in enumerate(tail.edges)}
    whole = k.tf_keras.Model(model.inputs, list(tail.made))
    made = graph.behind(whole, {names[id(edge.tensor)]: edge.tensor for edge in tail.edges})
    shapes = [[size or _UNSEEN for size in tensor.shape] for tensor in made.inputs]
    tried = [[0.0, *np.linspace(*each, _TRIED)] for each in ranges]
    try:
        found = [_called(made, shapes, values) for values in zip(*tried, strict=True)]
    except (ValueError, tf.errors.InvalidArgumentError):
        return None
    columns = [np.stack(each) for each in zip(*found, strict=True)]
    if not all(np.isfinite(each).all() for each in columns):
        return None
    return tuple(Reach(each.min(axis=0), each.max(axis=0)) for each in columns)


def _called(
    model: k.Model, shapes: Sequence[Sequence[int]], values: Sequence[float]
) -> list[np.ndarray]:
    """What a model makes of inputs that hold one value each."""
    given = [
        tf.fill(shape, tf.constant(value, tf.float32))
        for shape, value in zip(shapes, values, strict=True)
    ]
    made = tf.nest.flatten(model(given if len(given) > 1 else given[0]))
    return [np.asarray(each, np.float64) for each in made]
