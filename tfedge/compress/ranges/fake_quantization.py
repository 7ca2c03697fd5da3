"""Puts TFMOT's fake quantization on the activations of a flat, folded model.

Kernels need none: they are already on their integer grid (`holds.Grid`). A quantizer stands
after every tensor that becomes an int8 tensor in the .tflite, see `ranged_tensors`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, operations
from tfedge.compress.ranges import (
    output_tail,
    ranged_tensors,
    uneven_inputs,
    uneven_outputs,
    whole_inputs,
)
from tfedge.data.task import Task

_KEPT = 0.999  # of what a range has beyond the extremes of a batch; a step of TFMOT's average


def of(candidate: Candidate) -> Any:
    """A copy of the candidate's model, with fake quantization where it has ranges."""
    if candidate.quantization is None:
        return graph.rebuild(candidate.model)
    return insert(candidate.model, candidate.quantization)


def insert(
    model: k.Model,
    quantization: Quantization,
    *,
    integer_inputs: bool = False,
    integer_outputs: bool = False,
) -> k.Model:
    """A copy of `model` with a TFMOT QuantizeLayer, named for its range, on each activation.

    Args:
        model: flat tf_keras model, BatchNormalization folded.
        quantization: ranges by the names that `calibrate` gave.
        integer_inputs: whether the app gives integers: every input then has a range, also one
            that is better brought to one scale in float, see `uneven_inputs`.
        integer_outputs: whether the app takes integers: every output then has a range, also one
            that is better joined in float, see `uneven_outputs`.
    """
    made: dict[str, k.Layer] = {}

    def quantize(name: str, tensor: k.Tensor) -> k.Tensor:
        learns = name not in ranged.given and not quantization.power_of_two
        made[name] = _quantize_layer(name, learns=learns)
        return made[name](tensor)

    ready = integer_ready(model, quantization.normalization)
    joined = () if integer_outputs else joined_in_float(ready, quantization.ranges)
    joins = frozenset(call for output in joined for call in output.tail.calls)
    ranged = ranged_tensors.find(ready, not integer_inputs, joins)
    quantized = _place(ready, ranged, quantize)
    for layer in quantized.layers:
        if layer.name in made:
            low, high = quantization.ranges[layer.name]
            layer.quantizer_vars["min_var"].assign(low)
            layer.quantizer_vars["max_var"].assign(high)
    return quantized


def ranges(quantized: k.Model) -> dict[str, tuple[float, float]]:
    """The ranges a model made by `insert` has now."""
    return {
        layer.name: (
            float(layer.quantizer_vars["min_var"].numpy()),
            float(layer.quantizer_vars["max_var"].numpy()),
        )
        for layer in quantized.layers
        if type(layer).__name__ == "QuantizeLayer"
    }


def calibrate(model: k.Model, task: Task, batch_size: int = 32) -> dict[str, tuple[float, float]]:
    """Ranges of all activations: their extremes over the calibration split.

    A mean of batches would cut off what is rare, such as a flag that is 1 in one example of fifty
    and all that is computed from it. Uneven inputs have ranges as if they were integers, and what
    is made of them in float as well; likewise uneven outputs, and what they join.
    """
    flat = integer_ready(model)
    found = _measured(flat, ranged_tensors.find(flat).tensors, task, batch_size)
    if uneven_inputs.find(flat):
        in_float = ranged_tensors.find(flat, keep_float=True)
        found |= _measured(flat, in_float.tensors, task, batch_size)
    measured = measure_edges(flat, task, batch_size)
    joined = {
        ranged_tensors.range_of(edge): measured[ranged_tensors.range_of(edge)]
        for output in joined_in_float(flat, measured)
        for edge in output.tail.edges
    }
    return _within_roots(flat, {**joined, **found})


def _within_roots(
    model: k.Model, ranges: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """The ranges, where no inverse root is above that of one step of what it reads.

    Of padding the variance is next to nothing and the root of it large: a range as wide as that
    would have one integer for all the others. As an integer that variance is 0, and its root the
    largest there is.
    """
    from tfedge.compress.composites import normalization  # layer classes: defining loads TensorFlow

    found = dict(ranges)
    for root, read in normalization.roots(model).items():
        (low, high), (_, top) = found[f"{root}_range_0_0"], found[f"{read}_range_0_0"]
        found[f"{root}_range_0_0"] = (low, min(high, (top / 255) ** -0.5))
    return found


def _measured(
    flat: k.Model, seen: Mapping[str, Any], task: Task, batch_size: int
) -> dict[str, tuple[float, float]]:
    """Ranges of some tensors of a model, with the zero in and never empty."""
    found = {}
    for name, ends in zip(seen, extremes(flat, list(seen.values()), task, batch_size), strict=True):
        low, high = map(float, ends)
        found[name] = (min(low, 0.0), max(high, low + 1e-6, 1e-6))
    return found


def extremes(
    model: k.Model, tensors: Sequence[Any], task: Task, batch_size: int, by_column: bool = False
) -> list[np.ndarray]:
    """Lowest and highest of each tensor over the calibration split, (2,) or (2, columns)."""
    observed = k.tf_keras.Model(model.inputs, list(tensors))

    def ends(value: Any) -> k.Tensor:
        axes = tf.range(tf.rank(value) - 1) if by_column else None
        return tf.stack([tf.reduce_min(value, axes), tf.reduce_max(value, axes)])

    @tf.function(reduce_retracing=True)
    def of_batch(x: Any) -> Any:
        return [ends(value) for value in tf.nest.flatten(observed(x, training=False))]

    found = [
        of_batch(inputs_of(model, task.normalization(x)))
        for x, _ in task.calibration.batches(batch_size)
    ]
    both = [np.stack(each) for each in zip(*found, strict=True)]
    return [np.stack([each[:, 0].min(axis=0), each[:, 1].max(axis=0)]) for each in both]


def measure_edges(
    model: k.Model, task: Task, batch_size: int = 32
) -> dict[str, tuple[float, float]]:
    """Ranges of what the outputs of a flat model join, by name; fixed ones as LiteRT has them."""
    edges = [edge for tail in output_tail.find(model) for edge in tail.edges]
    if not edges:
        return {}
    found = _measured(
        model, {ranged_tensors.range_of(edge): edge.tensor for edge in edges}, task, batch_size
    )
    fixed = {
        ranged_tensors.range_of(edge): ranged_tensors.fixed(edge.tensor._keras_history.layer)
        for edge in edges
    }
    return {name: fixed[name] or seen for name, seen in found.items()}


def ranges_of_edges(
    model: k.Model, ranges: Mapping[str, tuple[float, float]]
) -> dict[int, tuple[float, float]]:
    """Id of a tensor that outputs of a flat model join -> its range, of those that have any."""
    edges = (edge for tail in output_tail.find(model) for edge in tail.edges)
    return {
        id(e.tensor): ranges[ranged_tensors.range_of(e)]
        for e in edges
        if ranged_tensors.range_of(e) in ranges
    }


def joined_in_float(
    model: k.Model, ranges: Mapping[str, tuple[float, float]]
) -> tuple[uneven_outputs.Uneven, ...]:
    """The outputs of a model, as `one_operator_each` has it, that no integer scale serves."""
    return uneven_outputs.find(model, ranges_of_edges(model, ranges))


def inputs_of(model: k.Model, x: Any) -> Any:
    """What to call `model` on: one array, or a list in the order of its inputs."""
    if not isinstance(x, dict):
        return tf.convert_to_tensor(x)
    if len(x) == 1:
        return tf.convert_to_tensor(next(iter(x.values())))
    return [tf.convert_to_tensor(x[name]) for name in model.input_names]


def weights_of(quantized: k.Model, layer: str) -> list[np.ndarray]:
    """The weights, in a model made by `insert`, of a layer of the one that it was made of."""
    from tfedge.compress.composites import normalization

    names = {each.name for each in quantized.layers}
    gains = normalization.gains_of(layer)
    return quantized.get_layer(gains if gains in names else layer).get_weights()


def float_layers(model: k.Model, normalization: str = "float") -> dict[str, str]:
    """Layers that train as floats when the rest of the model is int8, with the reason."""
    reasons = {layer.name: _float_reason(layer, normalization) for layer in model.layers}
    return {name: reason for name, reason in reasons.items() if reason}


def _float_reason(layer: k.Layer, normalization: str) -> str:
    if ranged_tensors.is_operation(layer):
        return ""
    found = facts.of(layer)
    if normalization == "int8" and found.in_integers(layer) is not None:
        return ""
    reason = found.float_reason(layer)
    if not reason and not found.has_int8:
        return f"{type(layer).__name__} has no int8 form as one operator"
    return reason


def _place(
    model: k.Model, ranged: ranged_tensors.Ranged, place: Callable[[str, Any], Any]
) -> k.Model:
    """Rebuild a model, one operator each, with `place(range, tensor)` on what needs a range."""
    placed: dict[int, Any] = {}
    inputs = dict(zip(map(id, model.inputs), model.input_names, strict=True))
    started: dict[str, Any] = {}
    floats: dict[int, Any] = {}

    def before(call: graph.Call, old: Any, new: Any) -> k.Tensor:
        if operations.makes_integers(call.layer):  # ids, which have no scale
            return started[inputs[id(old)]] if id(old) in inputs else new
        if (call.name, call.index) in ranged.in_float.get(id(old), ()):
            return floats.get(id(old), new)
        if id(old) not in ranged.edges or (call.name, call.index) in ranged.inside:
            return new
        if id(old) not in placed:
            placed[id(old)] = place(ranged.edges[id(old)], new)
        return placed[id(old)]

    def after(call: graph.Call, outputs: Any) -> Any:
        made = []
        for number, tensor in enumerate(tf.nest.flatten(outputs)):
            name = ranged.outputs.get((call.name, call.index, number))
            if name is not None:
                floats[id(ranged.tensors[name])] = tensor
            made.append(tensor if name is None else place(name, tensor))
        return tf.nest.pack_sequence_as(outputs, made)

    def after_input(name: str, tensor: k.Tensor) -> k.Tensor:
        started[name] = tensor
        return place(ranged.inputs[name], tensor) if name in ranged.inputs else tensor

    return graph.rebuild(model, after=after, after_input=after_input, before=before)


def integer_ready(model: k.Model, normalization: str = "float") -> k.Model:
    """One operator each, and pixels as floats: as ranges are measured and placed.

    Of a model that is so already, the model itself.
    """
    return one_operator_each(whole_inputs.as_floats(model), normalization)


def one_operator_each(model: k.Model, normalization: str = "float") -> k.Model:
    """Layers that are two operators become two, so that the tensor between them has a range.

    Kernels end linear, or in an activation that LiteRT fuses; scale and offset come apart; three
    or more that are added become pairs. A negative is a product with -1: LiteRT's own is float.
    """
    split = {}
    for layer in model.layers:
        first, *others = facts.of(layer).operators(layer) or (None,)
        if operations.is_ours(layer) and layer.op == "negative":
            first = type(layer)("multiply", [{"tensor": 0}, -1.0], name=layer.name)
        parts = facts.of(layer).in_integers(layer) if normalization == "int8" else None
        if parts is not None:
            split[layer.name] = [graph.Replacement(parts, layer.get_weights())]
        elif first is not None:
            split[layer.name] = [
                graph.Replacement(first, layer.get_weights()),
                *map(graph.Replacement, others),
            ]
    return graph.rebuild(model, split) if split else model


def _quantize_layer(name: str, learns: bool) -> k.Layer:
    """TFMOT's layer; its range follows what comes in while training, or stays as it is set."""
    from tensorflow_model_optimization.python.core.quantization.keras import (
        quantize_layer,
        quantizers,
    )

    class Following(quantizers.MovingAverageQuantizer):
        """Widens to the extremes of each batch at once, and forgets them slowly."""

        def __call__(self, inputs: Any, training: Any, weights: Any, **given: Any) -> Any:
            if training and learns:
                low, high = weights["min_var"], weights["max_var"]
                least = tf.minimum(tf.reduce_min(inputs), 0.0)
                most = tf.maximum(tf.reduce_max(inputs), 0.0)
                low.assign(tf.minimum(least, _KEPT * low + (1 - _KEPT) * least))
                high.assign(tf.maximum(most, _KEPT * high + (1 - _KEPT) * most))
            return super().__call__(inputs, False, weights, **given)

    quantizer = Following(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
    layer = quantize_layer.QuantizeLayer(quantizer, name=name)
    layer.supports_masking = True  # what it rounds is as much padding as it was before
    return layer
