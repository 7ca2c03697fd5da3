"""Layers around other layers."""

from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import facts


def _layer(layer: k.Layer, builder: Any) -> dict[str, Any]:
    return {"layer": builder.of(layer.layer)}


def _both_ways(layer: k.Layer, builder: Any) -> dict[str, Any]:
    forward = builder.make_layer(layer.forward_layer)
    forward._name = layer.forward_layer.name.removeprefix("forward_")
    return {"layer": forward, "backward_layer": builder.make_layer(layer.backward_layer)}


def _each_step_alike(layer: k.Layer) -> list[tuple[Any, list[np.ndarray]]]:
    """A matrix at every position is one at every step, too."""
    inner = layer.layer
    axes = facts.of(inner).kernel
    if axes is None or not (axes.is_compressed and axes.is_matrix):
        return []
    same = type(inner).from_config({**inner.get_config(), "name": layer.name})
    return [(same, layer.get_weights())]


LAYERS = {
    "Bidirectional": facts.Layer(
        twin=facts.Twin(inner=_both_ways, parts=("forward_layer", "backward_layer"))
    ),
    "SpectralNormalization": facts.Layer(twin=facts.Twin(inner=_layer, parts=("layer",))),
    "TimeDistributed": facts.Layer(
        plain=_each_step_alike, twin=facts.Twin(inner=_layer, parts=("layer",))
    ),
}
