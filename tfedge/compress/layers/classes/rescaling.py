"""Rescaling: a factor and an offset that are settings."""

from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import affine, facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    if np.size(use.layer.scale) > 1 or np.size(use.layer.offset) > 1:
        return flows.needs_all(walk, use)
    return walk.flow(use.tensors[0])


def _affine(layer: k.Layer, rank: int) -> affine.Map:
    return affine.Map(np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64))


def _factor_then_offset(layer: k.Layer) -> tuple[Any, ...]:
    if not np.any(layer.offset) or not np.any(np.not_equal(layer.scale, 1)):
        return ()
    factor = type(layer).from_config({**layer.get_config(), "offset": 0.0})
    offset = k.tf_keras.layers.Rescaling(1.0, layer.offset, name=f"{layer.name}_offset")
    return factor, offset


LAYERS = {
    "Rescaling": facts.Layer(
        channels=_channels,
        affine=_affine,
        operators=_factor_then_offset,
        takes_numbers=True,
        has_int8=True,
    )
}
