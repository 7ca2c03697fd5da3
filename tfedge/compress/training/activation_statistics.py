"""Statistics of activations over the calibration split, one number a channel."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import Task

_BATCH = 32
_ENDING = "unobserved_activation"
PerChannel = dict[str, np.ndarray]


def highest(model: k.Model, task: Task, layers: Sequence[str]) -> PerChannel:
    """Largest magnitude of each channel of the layers' outputs.

    Args:
        model: flat tf_keras model.
        task: its calibration split is read.
        layers: names.

    Returns:
        Layer -> (channels,).
    """
    if not layers:
        return {}
    found = [values for values, _ in _observed(model, layers, _largest)(task)]
    return {layer: np.max(values, axis=0) for layer, *values in zip(layers, *found, strict=True)}


def means(model: k.Model, layers: Sequence[str]) -> Callable[[Task], PerChannel]:
    """A function that gives the mean of each channel with the weights `model` has when called.

    Args:
        model: flat tf_keras model.
        layers: names; the outputs of one that is used several times are pooled.

    Returns:
        task -> {layer: (channels,)}, over the task's calibration split.
    """
    observed = _observed(model, layers, _mean)

    def measure(task: Task) -> PerChannel:
        found = list(observed(task))
        sizes = [size for _, size in found]
        return {
            layer: np.average(values, axis=0, weights=sizes)
            for layer, *values in zip(layers, *(values for values, _ in found), strict=True)
        }

    return measure


def covariances(model: k.Model, task: Task, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """E[y y'] of what each layer's kernel alone gives, before bias and activation.

    Args:
        model: flat tf_keras model.
        task: its calibration split is read.
        layers: names of layers with kernels.

    Returns:
        Layer -> (channels, channels).
    """
    if not layers:
        return {}
    linear = without_activations(model)
    found = [values for values, _ in _observed(linear, layers, _moments)(task)]
    covariances = {}
    for layer, *values in zip(layers, *found, strict=True):
        moments = np.stack(values).astype(np.float64).mean(axis=0)
        bias = _bias(linear.get_layer(layer))
        mixed = np.outer(moments[-1], bias)
        covariances[layer] = moments[:-1] - mixed - mixed.T + np.outer(bias, bias)
    return covariances


def without_activations(model: k.Model) -> k.Model:
    """A copy in which a layer with a kernel gives what its activation is then applied to."""
    replace = {}
    for kernel in kernels.find(model):
        if kernel.is_table:  # it has none
            continue
        layer = model.get_layer(kernel.layer)
        linear = type(layer).from_config({**layer.get_config(), "activation": "linear"})
        activation = k.tf_keras.layers.Activation(layer.activation, name=f"{layer.name}_{_ENDING}")
        replace[layer.name] = [
            graph.Replacement(linear, layer.get_weights()),
            graph.Replacement(activation),
        ]
    return graph.rebuild(model, replace)


def _bias(layer: k.Layer) -> np.ndarray:
    return layer.bias.numpy() if layer.use_bias else np.zeros(layer.get_output_shape_at(0)[-1])


def _moments(tensors: list[Any]) -> k.Tensor:
    """(channels + 1, channels): E[y y'], and E[y] below it."""
    rows = tf.concat([tf.reshape(t, (-1, t.shape[-1])) for t in tensors], axis=0)
    ones = tf.concat([rows, tf.ones_like(rows[:, :1])], axis=1)
    return tf.matmul(ones, rows, transpose_a=True) / tf.cast(tf.shape(rows)[0], rows.dtype)


def _largest(tensors: list[Any]) -> k.Tensor:
    return tf.reduce_max([tf.reduce_max(tf.abs(t), axis=_all_but_last(t)) for t in tensors], 0)


def _mean(tensors: list[Any]) -> k.Tensor:
    return tf.reduce_mean([tf.reduce_mean(t, axis=_all_but_last(t)) for t in tensors], 0)


def _all_but_last(tensor: k.Tensor) -> list[int]:
    return list(range(tensor.shape.rank - 1))


def _observed(
    model: k.Model, layers: Sequence[str], statistic: Callable[[list[Any]], Any]
) -> Callable[[Task], Iterator[tuple[list[np.ndarray], int]]]:
    """A function that yields, per calibration batch, the statistic of each layer and its size."""
    found = [model.get_layer(name) for name in layers]
    uses = [[layer.get_output_at(n) for n in range(len(layer.inbound_nodes))] for layer in found]
    observer = k.tf_keras.Model(model.inputs, uses)

    @tf.function(reduce_retracing=True)
    def observe(x: Any) -> list[Any]:
        outputs = tf.nest.pack_sequence_as(uses, tf.nest.flatten(observer(x, training=False)))
        return [statistic(tensors) for tensors in outputs]

    def over(task: Task) -> Iterator[tuple[list[np.ndarray], int]]:
        for x, _ in task.calibration.batches(_BATCH):
            size = len(next(iter(x.values())) if isinstance(x, dict) else x)
            inputs = fake_quantization.inputs_of(model, task.normalization(x))
            yield [value.numpy() for value in observe(inputs)], size

    return over
