"""What all layers with a kernel have in common: a bias and an activation come behind it."""

from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows, functions
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def of(kernel: facts.KernelAxes, width: str, channels: flows.Through) -> facts.Layer:
    """The facts of a class whose kernel LiteRT has an operator for on integers."""
    return facts.Layer(
        kernel=kernel,
        width=width,
        channels=channels,
        operators=_linear_and_activation,
        limit=functions.limit,
        has_int8=True,
        float_reason=functions.float_reason,
        fixes_range=True,
    )


def ended(walk: Walk, use: Use, ids: np.ndarray) -> Flow:
    """The channels that a kernel has made or passed on, behind the bias and the activation."""
    layer = use.layer
    if layer.use_bias:
        walk.bind(layer, 1, 0, ids)
    if not functions.of(layer).elementwise:
        walk.keep(ids, f"the activation of {layer.name} needs all channels")
    return Flow(use.last_axis, ids)


def _linear_and_activation(layer: k.Layer) -> tuple[Any, ...]:
    if functions.of(layer).is_fused:
        return ()
    linear = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    name = f"{layer.name}_activation"
    return linear, k.tf_keras.layers.Activation(layer.activation, name=name)
