"""Biases of attention that do nothing where they stand: those of keys, and of values.

What is added to every key alike adds the same to all scores of a query, and softmax takes it off
again. What is added to every value goes through chances that sum to 1, so the kernel behind can add
what it makes of it. Both are found by sending a bias through the layers that move it.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions, kernels, operations

_ADDING = ("add", "subtract")
_FAR = -1e4  # a score that is masked out, whatever is added to the others
_IN_ORDER = [{"tensor": 0}, {"tensor": 1}]
_SOME = 2  # stands for a size that is not known


def absorb(model: k.Model) -> tuple[Any, tuple[str, ...]]:
    """Drop them, and add to the biases of kernels behind values.

    Args:
        model: flat tf_keras model.

    Returns:
        A new model with the same outputs (to float rounding), and the layers without bias.
    """
    walk = _Walk(graph.consumers(model), {each._keras_history.layer.name for each in model.outputs})
    idle, added = list[str](), dict[str, np.ndarray]()
    for layer in filter(walk.may_lose_bias, model.layers):
        sent = walk.send(np.broadcast_to(layer.bias.numpy(), _sizes(layer.output_shape)), layer)
        if sent is None or not _is_second(sent.last, sent.reader):
            continue
        if walk.is_of_keys(sent):
            idle.append(layer.name)
        elif (behind := walk.behind_values(sent)) is not None:
            reader, change = behind
            idle.append(layer.name)
            added[reader.name] = added.get(reader.name, 0.0) + change
    replace = {name: [_twin(model.get_layer(name), None)] for name in idle}
    for name, change in added.items():
        layer = model.get_layer(name)
        own = layer.bias.numpy() if layer.use_bias and name not in idle else 0.0
        replace[name] = [_twin(layer, (own + change).astype(np.float32))]
    return (graph.rebuild(model, replace) if replace else model), tuple(idle)


@dataclasses.dataclass(frozen=True)
class _Sent:
    """What has become of values on their way, the layer they come out of, and its reader."""

    values: np.ndarray
    last: Any
    reader: Any


@dataclasses.dataclass(frozen=True)
class _Walk:
    """Through a model, as far as one layer alone reads another.

    Attributes:
        readers: layer -> those that read it.
        outputs: names of layers that are outputs.
    """

    readers: dict[str, list[Any]]
    outputs: set[str]

    def may_lose_bias(self, layer: k.Layer) -> bool:
        """Whether a bias is all that a matrix adds."""
        return _is_matrix(layer) and layer.use_bias and functions.name(layer) == "linear"

    def only_reader(self, layer: k.Layer) -> Any:
        """What alone reads a layer, once; None for others."""
        found = self.readers[layer.name]
        is_alone = len(found) == 1 and layer.name not in self.outputs
        return found[0] if is_alone and len(found[0].inbound_nodes) == 1 else None

    def send(self, values: np.ndarray, layer: k.Layer) -> _Sent | None:
        """Values that come out of a layer, behind all that only moves them."""
        reader = self.only_reader(layer)
        while reader is not None and operations.moves(reader) and len(_read(reader)) == 1:
            values = np.asarray(reader(tf.constant(values, tf.float32)))
            layer, reader = reader, self.only_reader(reader)
        return None if reader is None else _Sent(values, layer, reader)

    def is_of_keys(self, sent: _Sent) -> bool:
        """Whether they are one number for all scores of a query, which end in softmax."""
        if np.ptp(sent.values, axis=-1).any():
            return False
        layer, reader = sent.reader, self.only_reader(sent.reader)
        while reader is not None and _keeps_shift(reader, layer):
            layer, reader = reader, self.only_reader(reader)
        return reader is not None and _is_softmax(reader)

    def behind_values(self, sent: _Sent) -> tuple[Any, np.ndarray] | None:
        """The matrix behind values that chances mix, and what it makes of them; None for others."""
        first = _read(sent.reader)[0]._keras_history.layer
        while len(_read(first)) == 1 and (facts.of(first).idle or facts.of(first).noisy):
            first = _read(first)[0]._keras_history.layer
        if not _is_softmax(first) or np.ptp(sent.values, axis=-2).any():
            return None
        mixed = np.broadcast_to(sent.values[..., :1, :], _sizes(sent.reader.output_shape))
        after = self.send(mixed, sent.reader)
        if after is None or not _is_matrix(after.reader):
            return None
        rows = after.values.reshape(-1, after.values.shape[-1])
        if np.ptp(rows, axis=0).any():
            return None
        return after.reader, rows[0] @ kernels.variable(after.reader).numpy()


def _is_matrix(layer: k.Layer) -> bool:
    if not facts.of(layer).is_compressed or len(layer.inbound_nodes) != 1:
        return False
    axes = kernels.axes(type(layer).__name__)
    return axes.is_matrix and not axes.is_table and hasattr(layer, "use_bias")


def _read(layer: k.Layer) -> list[Any]:
    return tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)


def _is_second(layer: k.Layer, product: k.Layer) -> bool:
    """Whether a layer is the second factor alone of a plain product."""
    is_plain = operations.is_ours(product) and product.arguments in (None, _IN_ORDER)
    if not is_plain or operations.name(product) != "matmul" or product.settings:
        return False
    read = [tensor._keras_history.layer for tensor in _read(product)]
    return len(read) == len(_IN_ORDER) and read[1] is layer and read[0] is not layer


def _keeps_shift(reader: k.Layer, layer: k.Layer) -> bool:
    """Whether what is added to all of a row, comes out added to all that softmax sees of it."""
    if operations.name(reader) in _ADDING:
        return True
    if operations.name(reader) != "where" or not operations.is_ours(reader):
        return False
    masked = [each for each in reader.arguments or () if isinstance(each, int | float)]
    read = [tensor._keras_history.layer for tensor in _read(reader)]
    return len(masked) == 1 and masked[0] <= _FAR and read[-1] is layer and len(read) <= 2


def _is_softmax(layer: k.Layer) -> bool:
    """Of the last axis."""
    if operations.name(layer) != "softmax":
        return False
    axis = getattr(layer, "axis", None)
    if operations.is_ours(layer):
        axis = layer.settings.get("axis")
    return axis in (None, -1, len(layer.output_shape) - 1)


def _sizes(shape: Any) -> tuple[int, ...]:
    return (1, *(size or _SOME for size in tuple(shape)[1:]))


def _twin(layer: k.Layer, bias: np.ndarray | None) -> graph.Replacement:
    twin = type(layer).from_config({**layer.get_config(), "use_bias": bias is not None})
    weights = [kernels.variable(layer).numpy(), *([] if bias is None else [bias])]
    return graph.Replacement(twin, weights)
