"""What a model does to its inputs before it mixes their values: scale, shift and move them.

`(x - mean) / deviation` has many spellings: Normalization, Rescaling, a BatchNormalization first,
operations between layers; in chains, behind Reshape, Flatten or a slice, for one reader or several.
Whichever it is, each element of a tensor in that part of the model is `scale * x + offset` of one
element of one input, and that is how the tensors are described here. A spectrogram of an input
belongs to that part, too: sound has loud and quiet places as a table has large and small columns.
So does a logarithm, which tells most where values are smallest, with what stands around it.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.bridge import operation
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, operations
from tfedge.compress.layers.affine import Map

_ARITHMETIC = ("add", "subtract", "multiply", "divide", "true_divide", "negative")
_LOGARITHMS = ("log", "log1p", "log2", "log10")
_GUARDS = ("maximum", "minimum", "clip", "abs", "relu")  # of what no logarithm is taken of
_MOST = 2**24  # elements, up to which float32 counts exactly
_UNSEEN = 1  # for sizes that are open


@dataclasses.dataclass(frozen=True, eq=False)
class Elements:
    """A tensor, element by element: `scale * input + offset`.

    Attributes:
        sources: (1, ...) numbers of elements, counted through all inputs of the model.
        scale, offset: (1, ...) float64.
        mean, deviation: (1, ...) of the input, as the first layer that measured them has them; NaN
            where none did.
    """

    sources: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of_input(cls, places: np.ndarray) -> "Elements":
        """An input as it is."""
        ones = np.ones(places.shape)
        return cls(places, ones, 0 * ones, np.nan * ones, np.nan * ones)

    def then(self, found: Map) -> "Elements":
        """What a map makes of this; it may be broadcast."""
        with np.errstate(all="ignore"):
            mean = (found.mean - self.offset) / self.scale
            deviation = found.deviation / np.abs(self.scale)
        made = np.broadcast_arrays(
            self.sources,
            self.scale * found.scale,
            self.offset * found.scale + found.offset,
            np.where(np.isnan(self.deviation), mean, self.mean),
            np.where(np.isnan(self.deviation), deviation, self.deviation),
        )
        return Elements(*made)


@dataclasses.dataclass(frozen=True, eq=False)
class Edge:
    """A tensor of the prefix that something behind the prefix reads.

    Attributes:
        layer, call, number: the layer that makes it, which of its calls, which of its outputs.
        tensor: in the model.
        elements: what is in it; None behind a spectrogram or a logarithm.
    """

    layer: str
    call: int
    number: int
    tensor: Any
    elements: Elements | None


@dataclasses.dataclass(frozen=True, eq=False)
class Prefix:
    """The part of a flat model in front of the first layers that mix values.

    Attributes:
        places: input -> the numbers of its elements, in its shape.
        calls: (layer, number of its call) of all layers that belong to it.
        edges: id of a tensor of the model -> what is known of it.
        heard: inputs that a spectrogram or a logarithm is taken of.
    """

    places: Mapping[str, np.ndarray]
    calls: frozenset[tuple[str, int]]
    edges: Mapping[int, Edge]
    heard: frozenset[str] = frozenset()

    @property
    def layers(self) -> frozenset[str]:
        """The names of its layers."""
        return frozenset(layer for layer, _ in self.calls)


def find(model: k.Model, inputs: Collection[str] | None = None) -> Prefix:
    """The prefix of a flat tf_keras model, of all its inputs or of those named."""
    places = _places(model, model.input_names if inputs is None else inputs)
    outputs = {id(tensor) for tensor in model.outputs}
    known: dict[int, Edge] = {}
    edges: dict[int, Edge] = {}
    readers = graph.consumers(model)
    calls, heard = set(), set()
    for name, tensor in zip(model.input_names, model.inputs, strict=True):
        if name in places:
            known[id(tensor)] = Edge(name, 0, 0, tensor, Elements.of_input(places[name]))
    for node, index in graph.order_of_calls(model):
        if node.is_input:
            continue
        made = tf.nest.flatten(node.outputs)
        read = tf.nest.flatten(node.keras_inputs)
        given = [known[id(t)].elements for t in read if id(t) in known]
        found: Sequence[Elements | None] | None = None
        if len(given) == len(read) > 0 and not any(id(tensor) in outputs for tensor in made):
            found = _computed(node, given, readers)
        if found is not None and None in found:
            heard |= {
                name
                for name in places
                for each in given
                if each is not None and np.isin(each.sources, places[name]).any()
            }
        if found is None:
            edges |= {id(tensor): known[id(tensor)] for tensor in read if id(tensor) in known}
            continue
        calls.add((node.layer.name, index))
        for number, (tensor, elements) in enumerate(zip(made, found, strict=True)):
            known[id(tensor)] = Edge(node.layer.name, index, number, tensor, elements)
    return Prefix(places, frozenset(calls), edges, frozenset(heard))


def _places(model: k.Model, names: Collection[str]) -> dict[str, np.ndarray]:
    places, first = {}, 0
    for name, tensor in zip(model.input_names, model.inputs, strict=True):
        shape = [1, *(size or _UNSEEN for size in tensor.shape[1:])]
        count = int(np.prod(shape))
        if name in names and first + count <= _MOST:
            places[name] = np.arange(first, first + count).reshape(shape)
        first += count
    return places


def _computed(
    node: Any, given: list[Elements | None], readers: Mapping[str, list[Any]]
) -> Sequence[Elements | None] | None:
    """What comes out of a call, None where it does more than scale, shift, move and squeeze."""
    layer = node.layer
    known = facts.of(layer)
    if known.hears or (len(given) == 1 and _squeezes(layer, readers)):
        return [None]
    elements = [each for each in given if each is not None]
    if len(elements) < len(given):
        return _behind_a_logarithm(node, len(given))
    if known.affine is not None and len(given) == 1:
        found = known.affine(layer, len(elements[0].sources.shape))
        return None if found is None else [elements[0].then(found)]
    if is_arithmetic(layer) and len(given) == 1:
        found = _arithmetic(node, elements[0].sources.shape)
        return None if found is None else [elements[0].then(found)]
    return _moved(node, elements)


def _behind_a_logarithm(node: Any, count: int) -> list[None] | None:
    """What brings logarithms of several columns to one scale goes on in float."""
    made = tf.nest.flatten(node.outputs)
    scales = facts.of(node.layer).affine is not None or is_arithmetic(node.layer)
    stays = (scales and count == 1) or (
        operations.moves(node.layer) and not node.call_kwargs.get("training")
    )
    return [None] * len(made) if stays and all(t.dtype.is_floating for t in made) else None


def is_arithmetic(layer: k.Layer) -> bool:
    """Whether a layer is one of `+ - * /` between tensors, or with a constant."""
    return operations.is_ours(layer) and layer.op in _ARITHMETIC


def _squeezes(layer: k.Layer, readers: Mapping[str, list[Any]]) -> bool:
    """Whether a call is a logarithm, or keeps what one is taken of above zero."""
    op = operations.name(layer)
    if op in _LOGARITHMS:
        return True
    return op in _GUARDS and _is_all_squeezed(layer, readers)


def _is_all_squeezed(layer: k.Layer, readers: Mapping[str, list[Any]]) -> bool:
    found = readers[layer.name]
    return bool(found) and all(
        _squeezes(each, readers) or (is_arithmetic(each) and _is_all_squeezed(each, readers))
        for each in found
    )


def moved(node: Any, arrays: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """What a call makes of (1, ...) arrays if all it does is to move values, else None."""
    outputs = tf.nest.flatten(node.outputs)
    trains = node.call_kwargs.get("training")
    if not operations.moves(node.layer) or trains or any(not t.dtype.is_floating for t in outputs):
        return None
    try:
        args, kwargs = _with(node, arrays)
        return [np.asarray(out) for out in tf.nest.flatten(node.layer(*args, **kwargs))]
    except (ValueError, tf.errors.InvalidArgumentError):  # a size that was open matters
        return None


def _moved(node: Any, given: list[Elements]) -> list[Elements] | None:
    """Where a call puts the elements: seen by calling it on their numbers."""
    counts = np.cumsum([0, *(each.sources.size for each in given)])
    if counts[-1] > _MOST:
        return None
    numbers = [
        np.arange(first, first + each.sources.size, dtype=np.float32).reshape(each.sources.shape)
        for first, each in zip(counts, given, strict=False)
    ]
    found = moved(node, numbers)
    if found is None:
        return None

    def along(kind: str, places: np.ndarray) -> np.ndarray:
        values = [getattr(each, kind).reshape(-1) for each in given]
        return np.concatenate(values)[places.astype(np.int64)]

    kinds = [field.name for field in dataclasses.fields(Elements)]
    return [Elements(**{kind: along(kind, places) for kind in kinds}) for places in found]


def _with(node: Any, arrays: Sequence[np.ndarray]) -> tuple[Any, Any]:
    """The arguments of a call, with arrays in place of its tensors."""
    found = dict(zip((id(t) for t in tf.nest.flatten(node.keras_inputs)), arrays, strict=True))
    return tf.nest.map_structure(
        lambda value: tf.convert_to_tensor(found[id(value)]) if id(value) in found else value,
        (node.call_args, node.call_kwargs),
    )


def _arithmetic(node: Any, shape: tuple[int, ...]) -> Map | None:
    """That of an operation with constants, from what it makes of 0, 1 and 2."""
    read = {id(tensor) for tensor in tf.nest.flatten(node.keras_inputs)}

    def at(value: float) -> np.ndarray:
        (args, _) = tf.nest.map_structure(
            lambda each: np.full(shape, value) if id(each) in read else each,
            (node.call_args, node.call_kwargs),
        )
        found = operation.of_op_layer(node.layer, args)
        with np.errstate(all="ignore"):
            return getattr(np, found.op)(*(np.asarray(v, np.float64) for v in found.arguments))

    zero, one, two = at(0.0), at(1.0), at(2.0)
    is_affine = np.isfinite(zero).all() and np.allclose(two - one, one - zero, rtol=1e-9, atol=0)
    return Map(one - zero, zero) if is_affine else None
