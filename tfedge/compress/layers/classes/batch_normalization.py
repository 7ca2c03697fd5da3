"""BatchNormalization: outside of training a factor and an offset for each channel."""

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import affine, facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    layer, flow = use.layer, walk.flow(use.tensors[0])
    if flow is None or list(layer.axis) != [flow.axis]:
        return flows.needs_all(walk, use)
    for number in range(len(layer.weights)):
        is_gamma = layer.scale and number == 0
        walk.bind(layer, number, 0, flow.ids, "scale" if is_gamma else "")
    return flow


def _affine(layer: k.Layer, rank: int) -> affine.Map | None:
    if len(layer.axis) != 1:
        return None
    shape = [1] * rank
    shape[layer.axis[0]] = -1
    mean, deviation = (
        np.asarray(values, np.float64).reshape(shape)
        for values in (layer.moving_mean, np.sqrt(layer.moving_variance + layer.epsilon))
    )
    gamma = np.reshape(layer.gamma, shape) if layer.scale else 1.0
    beta = np.reshape(layer.beta, shape) if layer.center else 0.0
    scale = gamma / deviation
    return affine.Map(scale, beta - mean * scale, mean, deviation)


def _factor_and_offset(layer: k.Layer) -> tuple[np.ndarray, np.ndarray]:
    """In float32, as the kernel that takes them over is."""
    gamma = layer.gamma.numpy() if layer.scale else 1.0
    beta = layer.beta.numpy() if layer.center else 0.0
    factor = gamma / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    return factor, beta - layer.moving_mean.numpy() * factor


def _moments(layer: k.Layer) -> tuple[np.ndarray, np.ndarray] | None:
    # Keras 3 keeps the axis as a number, tf_keras as a list of one; negative ones are from the end.
    axis, rank = int(np.ravel(layer.axis)[0]), len(layer.input.shape)
    if axis % rank != rank - 1:
        return None
    return np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)


LAYERS = {
    "BatchNormalization": facts.Layer(
        channels=_channels,
        affine=_affine,
        folds=_factor_and_offset,
        moments=_moments,
        takes_numbers=True,
        may_vanish=True,
        # Keras 3 does not use TensorFlow's fused kernel, which rounds otherwise.
        twin=facts.Twin(given={"fused": False}),
    )
}
