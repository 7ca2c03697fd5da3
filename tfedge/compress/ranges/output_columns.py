"""Columns of an output with units of their own that one kernel makes: brought to one scale by it.

A layer that puts out 1000, 1 and 0.1 has one int8 scale for them, and the small ones are nothing.
The kernel's columns are divided by powers of two, and a Rescaling behind it takes that back, so
that the model computes what it did, to the bit; `uneven_outputs` has that Rescaling in float.

A scale of integers also holds the zero: of temperatures of 285 to 315 K it has 24 steps. What is
so far from zero is taken off the bias, and the Rescaling adds it, equal but for its rounding.
"""

import dataclasses
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions, kernels
from tfedge.compress.ranges import fake_quantization, output_tail, ranged_tensors, uneven_outputs
from tfedge.compress.ranges.uneven_outputs import FEWEST_STEPS, STEPS
from tfedge.data import splits
from tfedge.data.task import Task

_BATCH = 32


def to_one_scale(model: k.Model, task: Task) -> k.Model:
    """The same function with uneven columns made at one scale, or `model` where none need it.

    Args:
        model: flat tf_keras model. Its last kernels must not be promised to keep their values.
        task: whose calibration split tells what columns reach. What cannot be helped is warned of.
    """
    # Scores of classes are compared with each other: one scale is right.
    if task.kind_facts.answers.are_scores or not _fits(model, task):
        return model
    uneven = [each for each in _measured(model, _ends(model), task) if each.is_uneven]
    helped = [each for each in uneven if each.is_helped]
    for each in (each for each in uneven if not each.is_helped):
        _warn(model, each)
    if not helped:
        return model
    made = _divided(model, helped)
    joined = fake_quantization.ranges_of_edges(made, fake_quantization.measure_edges(made, task))
    found = {each.tail.position for each in uneven_outputs.find(made, joined)}
    left = [each for each in helped if each.outputs <= found]
    return made if len(left) == len(helped) else _divided(model, left)


@dataclasses.dataclass(frozen=True, eq=False)
class _End:
    """A layer that makes what outputs are, or what is scaled, moved and joined for them.

    Attributes:
        layer: the last one that is no such joining.
        kernel: what can divide its columns: the layer itself, or the one in front of an activation;
            None if nothing can.
        moves: whether its bias can move the columns.
        tensors: what its calls make.
        outputs: the numbers of the model's outputs that they are in.
        low, high: (columns,) of these tensors.
    """

    layer: Any
    kernel: Any
    moves: bool
    tensors: tuple[Any, ...]
    outputs: frozenset[int]
    low: np.ndarray
    high: np.ndarray

    @property
    def spread(self) -> np.ndarray:
        return self.high - self.low

    @property
    def offsets(self) -> np.ndarray:
        """What to take off: of few digits, in the middle of columns that are far from zero."""
        far = (self.spread > 0) & (STEPS * self.spread < FEWEST_STEPS * _width(self.low, self.high))
        unit = 2.0 ** np.floor(np.log2(np.where(far, self.spread, 1.0)))
        middle = np.round((self.low + self.high) / 2 / unit) * unit
        return np.where(far & self.moves, middle, 0.0)

    @property
    def steps(self) -> np.ndarray:
        """How many of the steps of one scale there are in what each column holds."""
        whole = _width(self.low.min(), self.high.max())
        return STEPS * self.spread / whole if whole > 0 else 0 * self.spread

    @property
    def factors(self) -> np.ndarray:
        """What to divide by: the widest stay, and the others come to once or twice their width."""
        width = _width(self.low - self.offsets, self.high - self.offsets)
        share = np.where(width > 0, width, width.max()) / width.max()
        return 2.0 ** np.floor(np.log2(share))

    @property
    def is_uneven(self) -> bool:
        return bool(np.any((self.spread > 0) & (self.steps < FEWEST_STEPS)))

    @property
    def is_helped(self) -> bool:
        changes = np.any(self.offsets != 0) or np.any(self.factors != 1)
        return self.kernel is not None and bool(changes)


def _width(low: Any, high: Any) -> Any:
    """Of a scale of integers, which holds the zero."""
    return np.maximum(high, 0.0) - np.minimum(low, 0.0)


def _fits(model: k.Model, task: Task) -> bool:
    """Whether the data goes by the model's names and shapes, example by example."""
    first = next(iter(task.calibration.batches(1)), None)
    if first is None or model.stateful:
        return False
    arrays = splits.named(task.normalization(first[0]))
    if len(arrays) == len(model.inputs) == 1:
        arrays = dict.fromkeys(model.input_names, *arrays.values())
    return all(
        name in arrays
        and arrays[name].dtype.kind in "biuf"
        and tensor.shape[1:].is_compatible_with(arrays[name].shape[1:])
        and tensor.shape[0] in (None, 1)
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
    )


def _ends(model: k.Model) -> list[_End]:
    """Of all outputs, not measured yet."""
    tails = {tail.position: tail for tail in output_tail.find(model)}
    joining = frozenset().union(*(tail.calls for tail in tails.values()))
    tensors: dict[int, Any] = {}
    outputs: dict[str, set[int]] = {}
    for number, output in enumerate(model.outputs):
        edges = tails[number].edges if number in tails else ()
        for tensor in [edge.tensor for edge in edges] or [output]:
            layer = tensor._keras_history.layer
            is_free = not layer.inbound_nodes[0].is_input and not ranged_tensors.fixed(layer)
            if tensor.dtype.is_floating and is_free:
                tensors[id(tensor)] = tensor
                outputs.setdefault(layer.name, set()).add(number)
    elsewhere = {
        id(tensor)
        for node, index in graph.order_of_calls(model)
        if (node.layer.name, index) not in joining
        for tensor in tf.nest.flatten(node.keras_inputs)
    }
    found, unmeasured = [], np.zeros(1)
    for name, numbers in outputs.items():
        layer = model.get_layer(name)
        made = tuple(t for t in tensors.values() if t._keras_history.layer is layer)
        is_last = len(made) == len(layer.inbound_nodes) and not elsewhere & set(map(id, made))
        kernel = _kernel(model, layer) if is_last else None
        moves = kernel is layer and _is_movable(layer)
        found.append(_End(layer, kernel, moves, made, frozenset(numbers), unmeasured, unmeasured))
    return found


def _kernel(model: k.Model, layer: k.Layer) -> Any:
    """The layer with a kernel whose columns these are, with nothing but a rectifier behind it."""
    known = facts.of(layer)
    commutes = known.limit(layer) is None  # with a positive factor
    if known.is_compressed:
        return layer if commutes else None
    read = [t for node in layer.inbound_nodes for t in tf.nest.flatten(node.keras_inputs)]
    if not commutes or len(read) != 1:
        return None
    before = read[0]._keras_history.layer
    alone = len(graph.consumers(model)[before.name]) == len(before.inbound_nodes) == 1
    is_output = any(tensor is read[0] for tensor in model.outputs)
    return _kernel(model, before) if alone and not is_output else None


def _is_movable(layer: k.Layer) -> bool:
    """Whether a bias stands behind the kernel of a layer, or can, and nothing behind that."""
    is_linear = functions.name(layer) in ("linear", None)
    return is_linear and "use_bias" in layer.get_config()


def _measured(model: k.Model, ends: list[_End], task: Task) -> list[_End]:
    """With the extremes, over the calibration split, of each column; without what has none."""
    ends = [each for each in ends if all(len(t.shape) > 1 and t.shape[-1] for t in each.tensors)]
    tensors = [tensor for each in ends for tensor in each.tensors]
    if not tensors:
        return []
    size = model.inputs[0].shape[0] or _BATCH
    low_high = fake_quantization.extremes(model, tensors, task, size, by_column=True)
    ends_of = {id(t): ends for t, ends in zip(tensors, low_high, strict=True)}
    found = []
    for each in ends:
        low, high = np.array([ends_of[id(t)] for t in each.tensors], np.float64).swapaxes(0, 1)
        low, high = low.min(axis=0), high.max(axis=0)
        if np.isfinite(high - low).all():
            found.append(dataclasses.replace(each, low=low, high=high))
    return found


def _warn(model: k.Model, end: _End) -> None:
    names = graph.output_names(model)
    reach = np.maximum(abs(end.low), abs(end.high))
    logging.warning(
        "%s: %s makes them with one integer scale, which holds the zero, so they lose what they "
        "tell where activations are integers; end in a Dense or convolution without an "
        "activation, or in one such layer for each unit",
        uneven_outputs.described(names[min(end.outputs)], reach, end.steps),
        end.layer.name,
    )


def _divided(model: k.Model, ends: list[_End]) -> k.Model:
    """The model with kernels divided by column and moved, and what takes that back behind them."""
    replaced: dict[str, list[graph.Replacement]] = {}
    for each in ends:
        offsets = each.offsets.tolist() if each.offsets.any() else 0.0
        name = f"{each.layer.name}_units"
        behind = k.tf_keras.layers.Rescaling(each.factors.tolist(), offsets, name=name)
        replaced[each.kernel.name] = [_with_columns(each.kernel, 1 / each.factors, each.offsets)]
        if each.layer is not each.kernel:
            twin = type(each.layer).from_config(each.layer.get_config())
            replaced[each.layer.name] = [graph.Replacement(twin)]
        replaced[each.layer.name].append(graph.Replacement(behind))
    return graph.rebuild(model, replaced) if replaced else model


def _with_columns(layer: k.Layer, factors: np.ndarray, offsets: np.ndarray) -> graph.Replacement:
    """A layer whose outputs are less by the offsets, then times a factor for each channel."""
    kernel, *bias = layer.get_weights()
    config = layer.get_config()
    if offsets.any() and not bias:
        config, bias = {**config, "use_bias": True}, [np.zeros_like(offsets)]
    axes = kernels.channel_axes(type(layer).__name__)
    shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
    weights = [kernel * factors.reshape(shape), *((each - offsets) * factors for each in bias)]
    twin = type(layer).from_config(config)
    return graph.Replacement(twin, [weight.astype(np.float32) for weight in weights])
