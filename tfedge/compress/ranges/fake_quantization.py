"""Puts TFMOT's fake quantization on the activations of a flat, folded model.

Kernels need none: they are already on their integer grid (`holds.Grid`). A quantizer stands
after every tensor that becomes an int8 tensor in the .tflite, which is where the converter
needs a range and nowhere else: not between a convolution and the ReLU it is fused with, not
after layers that only move values, not after softmax or sigmoid, whose range LiteRT fixes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions, operations
from tfedge.compress.ranges import (
    input_prefix,
    output_tail,
    uneven_inputs,
    uneven_outputs,
    whole_inputs,
)
from tfedge.data.task import Task

_ENDS = ("maximum", "minimum")  # with a constant


def of(candidate: Candidate) -> Any:
    """A copy of the candidate's model, with fake quantization where it has ranges."""
    if candidate.quantization is None:
        return graph.rebuild(candidate.model)
    return insert(candidate.model, candidate.quantization)


def insert(
    model: Any,
    quantization: Quantization,
    *,
    integer_inputs: bool = False,
    integer_outputs: bool = False,
) -> Any:
    """A copy of `model` with a TFMOT QuantizeLayer, named for its range, on each activation.

    Args:
        model: flat tf_keras model, BatchNormalization folded.
        quantization: ranges by the names that `calibrate` gave.
        integer_inputs: whether the app gives integers: every input then has a range, also one
            that is better brought to one scale in float, see `uneven_inputs`.
        integer_outputs: whether the app takes integers: every output then has a range, also one
            that is better joined in float, see `uneven_outputs`.
    """
    made = {}

    def quantize(name: str, tensor: Any) -> Any:
        made[name] = _quantize_layer(name, learns=not quantization.power_of_two)
        return made[name](tensor)

    joined = None if integer_outputs else quantization.ranges
    quantized = _place(model, quantize, not integer_inputs, joined)
    for layer in quantized.layers:
        if layer.name in made:
            low, high = quantization.ranges[layer.name]
            layer.quantizer_vars["min_var"].assign(low)
            layer.quantizer_vars["max_var"].assign(high)
    return quantized


def ranges(quantized: Any) -> dict[str, tuple[float, float]]:
    """The ranges a model made by `insert` has now."""
    return {
        layer.name: (
            float(layer.quantizer_vars["min_var"]),
            float(layer.quantizer_vars["max_var"]),
        )
        for layer in quantized.layers
        if type(layer).__name__ == "QuantizeLayer"
    }


def calibrate(model: Any, task: Task, batch_size: int = 32) -> dict[str, tuple[float, float]]:
    """Ranges of all activations over the calibration split: mean extremes of its batches.

    Uneven inputs have them as if they were integers, and what is made of them in float as well;
    likewise uneven outputs, and what they join.
    """
    found = _extremes(model, task, batch_size, keep_float=False)
    flat = one_operator_each(whole_inputs.as_floats(model))
    if uneven_inputs.find(flat):
        found |= _extremes(model, task, batch_size, keep_float=True)
    measured = measure_edges(flat, task, batch_size)
    joined = {
        range_of(edge): measured[range_of(edge)]
        for output in joined_in_float(flat, measured)
        for edge in output.tail.edges
    }
    return {**joined, **found}


def _extremes(
    model: Any, task: Task, batch_size: int, keep_float: bool
) -> dict[str, tuple[float, float]]:
    seen: dict[str, Any] = {}

    def record(name: str, tensor: Any) -> Any:
        seen[name] = tensor
        return tensor

    flat = _place(model, record, keep_float)
    return _measured(flat, seen, task, batch_size)


def _measured(
    flat: Any, seen: Mapping[str, Any], task: Task, batch_size: int
) -> dict[str, tuple[float, float]]:
    """Mean extremes, over calibration batches, of some tensors of a model."""
    low, high = np.transpose(extremes(flat, list(seen.values()), task, batch_size))
    return {
        name: (float(min(a, 0.0)), float(max(b, a + 1e-6, 1e-6)))
        for name, a, b in zip(seen, low, high, strict=True)
    }


def extremes(
    model: Any, tensors: Sequence[Any], task: Task, batch_size: int, by_column: bool = False
) -> list[np.ndarray]:
    """Mean lowest and highest of each tensor over calibration batches, (2,) or (2, columns)."""
    observed = k.tf_keras.Model(model.inputs, list(tensors))

    def ends(value: Any) -> Any:
        axes = tf.range(tf.rank(value) - 1) if by_column else None
        return tf.stack([tf.reduce_min(value, axes), tf.reduce_max(value, axes)])

    @tf.function(reduce_retracing=True)
    def of_batch(x: Any) -> Any:
        return [ends(value) for value in tf.nest.flatten(observed(x, training=False))]

    found = [
        of_batch(inputs_of(model, task.normalization(x)))
        for x, _ in task.calibration.batches(batch_size)
    ]
    return [np.mean(np.stack(each), axis=0) for each in zip(*found, strict=True)]


def measure_edges(model: Any, task: Task, batch_size: int = 32) -> dict[str, tuple[float, float]]:
    """Ranges of what the outputs of a flat model join, by name; fixed ones as LiteRT has them."""
    edges = [edge for tail in output_tail.find(model) for edge in tail.edges]
    if not edges:
        return {}
    found = _measured(model, {range_of(edge): edge.tensor for edge in edges}, task, batch_size)
    fixed = {range_of(edge): fixed_range(edge.tensor._keras_history.layer) for edge in edges}
    return {name: fixed[name] or seen for name, seen in found.items()}


def fixed_range(layer: Any) -> tuple[float, float] | None:
    """Of what a layer puts out as an integer, where LiteRT fixes it."""
    function = functions.name(layer) or facts.of(layer).op
    return functions.FUNCTIONS[function].range if function in functions.FUNCTIONS else None


def ranges_of_edges(
    model: Any, ranges: Mapping[str, tuple[float, float]]
) -> dict[int, tuple[float, float]]:
    """Id of a tensor that outputs of a flat model join -> its range, of those that have any."""
    edges = (edge for tail in output_tail.find(model) for edge in tail.edges)
    return {id(e.tensor): ranges[range_of(e)] for e in edges if range_of(e) in ranges}


def joined_in_float(
    model: Any, ranges: Mapping[str, tuple[float, float]]
) -> tuple[uneven_outputs.Uneven, ...]:
    """The outputs of a model, as `one_operator_each` has it, that no integer scale serves."""
    return uneven_outputs.find(model, ranges_of_edges(model, ranges))


def inputs_of(model: Any, x: Any) -> Any:
    """What to call `model` on: one array, or a list in the order of its inputs."""
    if not isinstance(x, dict):
        return tf.convert_to_tensor(x)
    if len(x) == 1:
        return tf.convert_to_tensor(next(iter(x.values())))
    return [tf.convert_to_tensor(x[name]) for name in model.input_names]


def float_layers(model: Any) -> dict[str, str]:
    """Layers that stay float when the rest of the model is int8, with the reason."""
    reasons = {layer.name: _float_reason(layer) for layer in model.layers}
    return {name: reason for name, reason in reasons.items() if reason}


def _float_reason(layer: Any) -> str:
    if _is_operation(layer):
        return ""
    found = facts.of(layer)
    if not found.has_int8:
        return f"{type(layer).__name__} has no int8 form as one operator"
    return found.float_reason(layer)


def _place(
    model: Any,
    place: Callable[[str, Any], Any],
    keep_float: bool = False,
    joined: Mapping[str, tuple[float, float]] | None = None,
) -> Any:
    """Rebuild `model` with `place(name, tensor)` on each tensor that needs a range.

    With `keep_float` none is in front of where uneven inputs have come to one scale; none is behind
    where uneven outputs, as the ranges of what is `joined` tell, have one no more.
    """
    model = one_operator_each(whole_inputs.as_floats(model))
    readers = graph.consumers(model)
    uneven = uneven_inputs.find(model) if keep_float else None
    edges = uneven.prefix.edges if uneven else {}
    inside = uneven.prefix.calls if uneven else frozenset()
    joins = {call for output in joined_in_float(model, joined or {}) for call in output.tail.calls}
    placed: dict[int, Any] = {}

    def before(call: graph.Call, old: Any, new: Any) -> Any:
        if id(old) not in edges or (call.name, call.index) in inside or not new.dtype.is_floating:
            return new
        if id(old) not in placed:
            placed[id(old)] = place(range_of(edges[id(old)]), new)
        return placed[id(old)]

    def after(call: graph.Call, outputs: Any) -> Any:
        in_float = (call.name, call.index) in joins.union(inside)
        if in_float or not _needs_range(call.layer, readers[call.name]):
            return outputs
        tensors = tf.nest.flatten(outputs)
        ranged = [
            place(_name(call.name, call.index, number), tensor)
            if tensor.dtype.is_floating
            else tensor
            for number, tensor in enumerate(tensors)
        ]
        return tf.nest.pack_sequence_as(outputs, ranged)

    def after_input(name: str, tensor: Any) -> Any:
        if (uneven and name in uneven.columns) or not tensor.dtype.is_floating:
            return tensor
        if keep_float and readers[name] and all(map(_cuts_off, readers[name])):
            return tensor
        return place(range_of_input(name), tensor)

    return graph.rebuild(model, after=after, after_input=after_input, before=before)


def range_of(edge: input_prefix.Edge) -> str:
    """What the range of a tensor is called."""
    return _name(edge.layer, edge.call, edge.number)


def range_of_input(name: str) -> str:
    """What the range of an input is called."""
    return _name(name, 0, 0)


def _name(layer: str, call: int, tensor: int) -> str:
    return f"{layer}_range_{call}_{tensor}"


def _needs_range(layer: Any, readers: list[Any]) -> bool:
    found, name = facts.of(layer), functions.name(layer)
    if found.keeps_range or (_fixes_range(layer) and fixed_range(layer)):
        return False
    if name in operations.MOVES and _is_operation(layer) and _reads_floats(layer):
        return False
    fused = len(readers) == 1 and _is_fused(readers[0])
    return not (fused and name in ("linear", None))


def _fixes_range(layer: Any) -> bool:
    return _is_operation(layer) or facts.of(layer).fixes_range


def _cuts_off(layer: Any) -> bool:
    """Whether only a part of the range of what comes in goes on, as of the mask of attention."""
    read = tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)
    return operations.is_ours(layer) and layer.op in _ENDS and len(read) == 1


def _reads_floats(layer: Any) -> bool:
    """Not of a table with rows that integers choose, for one."""
    read = tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)
    return any(tensor.dtype.is_floating for tensor in read)


def _is_fused(layer: Any) -> bool:
    """Whether what a layer reads becomes an integer only behind it."""
    return functions.is_relu(layer) if _is_operation(layer) else facts.of(layer).fuses(layer)


def _is_operation(layer: Any) -> bool:
    return type(layer).__name__ in operations.CLASSES


def one_operator_each(model: Any) -> Any:
    """Layers that are two operators become two, so that the tensor between them has a range.

    Kernels end linear, or in an activation that LiteRT fuses; scale and offset come apart; three
    or more that are added become pairs.
    """
    split = {}
    for layer in model.layers:
        first, *others = facts.of(layer).operators(layer) or (None,)
        if first is not None:
            split[layer.name] = [
                graph.Replacement(first, layer.get_weights()),
                *map(graph.Replacement, others),
            ]
    return graph.rebuild(model, split) if split else model


def _quantize_layer(name: str, learns: bool) -> Any:
    """TFMOT's layer; its range follows what comes in while training, or stays as it is set."""
    from tensorflow_model_optimization.python.core.quantization.keras import (
        quantize_layer,
        quantizers,
    )

    class Frozen(quantizers.MovingAverageQuantizer):
        def __call__(self, inputs: Any, training: Any, weights: Any, **given: Any) -> Any:
            return super().__call__(inputs, False, weights, **given)

    kind = quantizers.MovingAverageQuantizer if learns else Frozen
    quantizer = kind(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
    layer = quantize_layer.QuantizeLayer(quantizer, name=name)
    layer.supports_masking = True  # what it rounds is as much padding as it was before
    return layer
