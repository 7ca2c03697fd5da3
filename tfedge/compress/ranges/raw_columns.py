"""Uneven columns that go into the first kernel as they are: brought to one scale in front of it.

Where a model was trained on raw columns, the first kernel has learned their scales: large weights
for small columns. Such a column is a part of one int8 step, and its weights make noise of the rest.
What a kernel reads becomes `z = (x - mean) / deviation` of the calibration split, and its weights
and bias take that back, so that the model computes what it did; `uneven_inputs` keeps z in float.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels, operations
from tfedge.compress.ranges import column_noise, column_statistics, input_prefix, uneven_inputs
from tfedge.data import splits
from tfedge.data.task import Task

_BATCH = 256


def to_one_scale(model: k.Model, task: Task) -> k.Model:
    """The same function with raw uneven columns at one scale, or `model` where none need it.

    Args:
        model: flat tf_keras model. Its first kernels must not be promised to keep their values.
        task: whose calibration split tells how columns vary. What cannot be helped is warned of.
    """
    prefix = input_prefix.find(model)
    seen = _Seen.of(model, prefix, task) if prefix.edges else None
    if seen is None:
        return model
    for edge in prefix.edges.values():
        if edge.elements is not None and edge.tensor.dtype.is_floating:
            model = _one_edge(model, edge.layer, edge.call, edge.number, seen)
    return model


@dataclasses.dataclass(frozen=True, eq=False)
class _Seen:
    """Of each element of all inputs, counted through: what calibration examples hold."""

    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, model: k.Model, prefix: input_prefix.Prefix, task: Task) -> "_Seen | None":
        """None where the data does not go by the model's names and shapes."""
        parts: list[np.ndarray] = []
        for name, places in prefix.places.items():
            found = _of_input(task, name, places.size, len(model.inputs) == 1)
            if found is None:
                return None
            parts.append(found)
        return cls(*np.concatenate(parts, axis=1)) if parts else None

    def at(self, elements: input_prefix.Elements) -> column_statistics.Columns:
        """Of a tensor, by the last axis."""
        at = elements.sources
        scale, offset = elements.scale, elements.offset
        mean = scale * self.mean[at] + offset
        variance = scale**2 * self.variance[at]
        ends = np.stack([scale * self.low[at] + offset, scale * self.high[at] + offset])
        axes = tuple(range(mean.ndim - 1))
        return column_statistics.Columns(
            mean.mean(axis=axes),
            variance.mean(axis=axes) + mean.var(axis=axes),
            ends.min(axis=(0, *(axis + 1 for axis in axes))),
            ends.max(axis=(0, *(axis + 1 for axis in axes))),
        )


def _of_input(task: Task, name: str, size: int, is_only: bool) -> np.ndarray | None:
    """(4, size): mean, variance, lowest and highest of each element."""
    seen = column_statistics.Seen()
    for x, _ in task.calibration.batches(_BATCH):
        arrays = splits.named(task.normalization(x))
        array = next(iter(arrays.values())) if is_only and len(arrays) == 1 else arrays.get(name)
        if array is None or array.dtype.kind not in "biuf" or array[0].size != size:
            return None
        seen.add(array.reshape(len(array), size))
    return np.stack([seen.mean, seen.variance, seen.low, seen.high]) if seen.count else None


def _one_edge(model: k.Model, layer: str, call: int, number: int, seen: _Seen) -> Any:
    """Brings one tensor of the prefix to one scale, if its readers are kernels that suffer."""
    prefix = input_prefix.find(model)
    keys = {(each.layer, each.call, each.number): each for each in prefix.edges.values()}
    edge = keys[layer, call, number]
    assert edge.elements is not None
    columns = seen.at(edge.elements)
    lost = columns.lost
    if not lost or not np.isfinite(columns.mean).all():
        return model
    deviation = columns.deviation
    mean = columns.mean.astype(np.float32)
    readers = _readers(model, prefix, edge, [mean, deviation, columns.spread])
    if readers is None:
        _warn(edge, columns, lost)
        return model
    if not all(_takes_an_offset(reader.layer) for reader in readers):
        mean = 0 * mean
    if not any(_suffers(reader, columns, mean, deviation) for reader in readers):
        return model
    replaced = {each.layer.name: [_taking_back(each, bool(mean.any()))] for each in readers}
    scaled = k.tf_keras.layers.Normalization(
        mean=mean.tolist(),
        variance=(deviation**2).tolist(),
        name=f"{edge.layer}_{edge.call}_{edge.number}_one_scale",
    )
    made = _placed(model, prefix, edge, scaled, replaced)
    if not uneven_inputs.find(made):
        return model
    logging.info(
        "%s: %s: the model takes it raw and uneven; at one scale in front of %s from here on",
        edge.layer,
        uneven_inputs.listed(lost),
        ", ".join(reader.layer.name for reader in readers),
    )
    return made


def _warn(
    edge: input_prefix.Edge, columns: column_statistics.Columns, lost: tuple[int, ...]
) -> None:
    """Of columns that are small as a whole, not only rarely large, as pixels at a border are."""
    small = column_noise.small_as_a_whole(lost, columns.low, columns.high)
    if small:
        logging.warning(
            "%s: %s: too small beside the others for one integer scale, and not only layers with "
            "kernels read it: what it tells is lost where activations are integers; put a "
            "Normalization in front of the model",
            edge.layer,
            uneven_inputs.listed(small),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Reader:
    """A layer with a kernel, and what comes in along its input channels.

    Attributes:
        layer: called once.
        mean, deviation: what is taken off and divided by; 0 and 1 of channels from elsewhere.
        spread: of what comes in; 0 of channels from elsewhere, and of those that never vary, whose
            rounding moves the output by a constant.
    """

    layer: Any
    mean: np.ndarray
    deviation: np.ndarray
    spread: np.ndarray


_ELSEWHERE = (0.0, 1.0, 0.0)


def _readers(
    model: k.Model, prefix: input_prefix.Prefix, edge: input_prefix.Edge, values: list[np.ndarray]
) -> list[_Reader] | None:
    """All that reads a tensor, through layers that move values; None unless all have kernels."""
    shape = [1, *(size or 1 for size in edge.tensor.shape[1:])]
    carried = {id(edge.tensor): [np.broadcast_to(value, shape) for value in values]}
    outputs, found = {id(tensor) for tensor in model.outputs}, []
    for node, index in graph.order_of_calls(model):
        read = tf.nest.flatten(node.keras_inputs)
        if (node.layer.name, index) in prefix.calls or not any(id(t) in carried for t in read):
            continue
        made = tf.nest.flatten(node.outputs)
        if operations.makes_integers(node.layer):
            return []  # of ids: nothing to bring to one scale
        if facts.of(node.layer).kernel and len(read) == 1:  # else it has a state, too
            reader = _reader(node, carried[id(read[0])])
            if reader is None:
                return None
            found.append(reader)
            continue
        given = [carried.get(id(t)) or [_filled(t, value) for value in _ELSEWHERE] for t in read]
        moved = [input_prefix.moved(node, list(arrays)) for arrays in zip(*given, strict=True)]
        if any(id(t) in outputs for t in made) or any(arrays is None for arrays in moved):
            return None
        carried |= {
            id(t): list(parts) for t, parts in zip(made, zip(*moved, strict=True), strict=True)
        }
    return found


def _filled(tensor: k.Tensor, value: float) -> np.ndarray:
    return np.full([1, *(size or 1 for size in tensor.shape[1:])], value, np.float32)


def _reader(node: Any, values: list[np.ndarray]) -> _Reader | None:
    """None where the places of an input are not alike, or the kernel serves other inputs too."""
    flat = [value.reshape(-1, value.shape[-1]) for value in values]
    alike = all(np.all(value == value[0]) for value in flat)
    shared = len(node.layer.inbound_nodes) != 1 or kernels.groups(node.layer) != 1
    return _Reader(node.layer, *(value[0] for value in flat)) if alike and not shared else None


def _takes_an_offset(layer: k.Layer) -> bool:
    """Whether an input moved by a constant moves the output by one: no zeros are padded in."""
    padded = getattr(layer, "padding", "valid") != "valid"
    return not padded and not _axes(layer).is_transposed


def _suffers(
    reader: _Reader, columns: column_statistics.Columns, mean: np.ndarray, deviation: np.ndarray
) -> bool:
    """Whether rounding to int8 steps shows in an output, and less so at one scale."""
    step = column_noise.step(columns.low, columns.high)
    scaled = column_noise.step((columns.low - mean) / deviation, (columns.high - mean) / deviation)
    return column_noise.shows(
        functools.partial(_power, reader),
        reader.spread,
        np.full_like(reader.spread, step),
        scaled * reader.deviation,
    )


def _axes(layer: k.Layer) -> facts.KernelAxes:
    return kernels.axes(type(layer).__name__)


def _power(reader: _Reader, size: np.ndarray) -> np.ndarray:
    """Of each output when independent channels of this size come in."""
    weights = reader.layer.get_weights()[0] * _along_input(reader.layer, size)
    return _over_inputs(reader.layer, weights.astype(np.float64) ** 2)


def _along_input(layer: k.Layer, values: np.ndarray) -> np.ndarray:
    """One value for each input channel, in a shape to multiply the kernel with."""
    shape = [1] * layer.get_weights()[0].ndim
    shape[_axes(layer).input] = -1
    return values.reshape(shape)


def _over_inputs(layer: k.Layer, weights: np.ndarray) -> np.ndarray:
    """The sum of all that goes into each output channel, in the order of its bias."""
    outputs = _axes(layer).outputs
    summed = weights.sum(axis=tuple(axis for axis in range(weights.ndim) if axis not in outputs))
    return summed.reshape(-1)


def _placed(
    model: k.Model,
    prefix: input_prefix.Prefix,
    edge: input_prefix.Edge,
    layer: k.Layer,
    replaced: Any,
) -> Any:
    """The model with a layer between a tensor and what reads it behind the prefix."""
    made: list[Any] = []

    def before(call: graph.Call, old: Any, new: Any) -> k.Tensor:
        if id(old) != id(edge.tensor) or (call.name, call.index) in prefix.calls:
            return new
        if not made:
            made.append(layer(new))
        return made[0]

    return graph.rebuild(model, replaced, before=before)


def _with_offset(layer: k.Layer, rest: list[np.ndarray], moved: np.ndarray) -> list[np.ndarray]:
    """The weights behind the kernel with a constant added to the bias, which is the last."""
    others = rest[:-1] if layer.use_bias else rest
    # Of the two rows that some GRUs have, the first is the input's.
    shape = (2, *moved.shape) if getattr(layer, "reset_after", False) else moved.shape
    bias = np.array(rest[-1] if layer.use_bias else np.zeros(shape), np.float64)
    bias.reshape(-1, len(moved))[0] += moved
    return [*others, bias]


def _taking_back(reader: _Reader, is_centred: bool) -> graph.Replacement:
    """The layer with kernel and bias for an input at one scale."""
    layer, config = reader.layer, reader.layer.get_config()
    kernel, *rest = layer.get_weights()
    weights = [kernel * _along_input(layer, reader.deviation), *rest]
    if is_centred:
        moved = _over_inputs(layer, kernel.astype(np.float64) * _along_input(layer, reader.mean))
        weights = [weights[0], *_with_offset(layer, rest, moved)]
        config["use_bias"] = True
    return graph.Replacement(
        type(layer).from_config(config), [weight.astype(np.float32) for weight in weights]
    )
