"""What a model does to its outputs after the last values are mixed: scale, shift, move and join.

A detector puts boxes in pixels and scores of 0 to 1 into one tensor in many spellings: Concatenate
behind Rescaling, a product with one constant a column, anchors added and strides multiplied, then
Reshape or Permute. Whichever it is, each element that comes out is `scale * x + offset` of one
element of one tensor in front of that part of the model, and so it is described here.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, operations
from tfedge.compress.ranges import input_prefix

_UNSEEN = 1  # for sizes that are open


@dataclasses.dataclass(frozen=True, eq=False)
class Tail:
    """The part of a flat model that one of its outputs comes out of.

    Attributes:
        position: of the output among the model's.
        output: its tensor in the model.
        calls: (layer, number of its call) of all layers that belong to it.
        edges: the tensors of the model that it reads, in order.
    """

    position: int
    output: Any
    calls: frozenset[tuple[str, int]]
    edges: tuple[input_prefix.Edge, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Elements:
    """An output element by element: `offset + scales[i] * edge i`, one scale being other than 0.

    Attributes:
        offset: (1, ...) float64.
        scales: (edges, 1, ...) float64.
    """

    offset: np.ndarray
    scales: np.ndarray


def find(model: k.Model) -> list[Tail]:
    """The tails of a flat tf_keras model, one for each output that has any."""
    calls = list(graph.order_of_calls(model))
    readers: dict[int, set[tuple[str, int]]] = {}
    for node, index in calls:
        for tensor in tf.nest.flatten(node.keras_inputs):
            readers.setdefault(id(tensor), set()).add((node.layer.name, index))
    tails = (_behind(output, calls, readers, n) for n, output in enumerate(model.outputs))
    return [tail for tail in tails if tail is not None]


def _behind(
    output: Any, calls: Sequence[tuple[Any, int]], readers: Mapping[int, set], position: int
) -> Tail | None:
    """None where the output has no tail, or one that begins at an input of the model."""
    wanted = {id(output)}
    inside: set[tuple[str, int]] = set()
    edges: list[input_prefix.Edge] = []
    for node, index in reversed(calls):
        made = tf.nest.flatten(node.outputs)
        if not any(id(tensor) in wanted for tensor in made):
            continue
        if node.is_input or not all(tensor.dtype.is_floating for tensor in made):
            return None
        elsewhere = any(readers.get(id(tensor), set()) - inside for tensor in made)
        if _is_affine(node) and not elsewhere:
            inside.add((node.layer.name, index))
            wanted.update(id(tensor) for tensor in tf.nest.flatten(node.keras_inputs))
            continue
        edges += [
            input_prefix.Edge(node.layer.name, index, number, tensor, None)
            for number, tensor in enumerate(made)
            if id(tensor) in wanted
        ]
    return Tail(position, output, frozenset(inside), tuple(edges[::-1])) if inside else None


def _is_affine(node: Any) -> bool:
    layer = node.layer
    if input_prefix.is_arithmetic(layer):
        return len(tf.nest.flatten(node.keras_inputs)) == 1
    known = facts.of(layer)
    is_map = known.affine is not None and known.folds is None  # else a kernel takes it over
    return is_map or operations.moves(layer)


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


def elements(model: k.Model, tail: Tail) -> Elements | None:
    """What a tail makes of its edges: seen by calling it on zeros, ones and twos.

    None where an operation with a constant is not the scale and offset it looked like.
    """
    names = {id(edge.tensor): f"edge_{number}" for number, edge in enumerate(tail.edges)}
    made = model_of(model, [tail], names)
    zeros = [np.zeros([size or _UNSEEN for size in t.shape], np.float32) for t in made.inputs]

    def at(value: float, place: int | None = None) -> np.ndarray:
        given = [zero + value * (place in (None, n)) for n, zero in enumerate(zeros)]
        tensors = [tf.convert_to_tensor(each) for each in given]
        (found,) = tf.nest.flatten(made(tensors if len(tensors) > 1 else tensors[0]))
        return np.asarray(found, np.float64)

    try:
        offset, one, two = at(0.0), at(1.0), at(2.0)
        scales = np.stack([at(1.0, place) - offset for place in range(len(zeros))])
    except (ValueError, tf.errors.InvalidArgumentError):  # a size that was open matters
        return None
    is_affine = np.isfinite(one).all() and np.allclose(two - one, one - offset, rtol=1e-3)
    return Elements(offset, scales) if is_affine else None
