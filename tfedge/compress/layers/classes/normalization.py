"""Normalization: takes off a mean that was measured or given, and divides by the deviation."""

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import affine, facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

_LEAST = 1e-7  # deviation that it divides by


def _channels(walk: Walk, use: Use) -> Flow | None:
    """Mean and variance (channels,), and a count, unless they were given as settings."""
    layer, flow = use.layer, walk.flow(use.tensors[0])
    if flow is None or len(layer.weights) != 3 or layer.weights[0].shape != flow.ids.shape:
        return flows.needs_all(walk, use)
    walk.bind(layer, 0, 0, flow.ids)
    walk.bind(layer, 1, 0, flow.ids)
    return flow


def _affine(layer: k.Layer, rank: int) -> affine.Map:
    mean = np.asarray(layer.mean, np.float64)
    deviation = np.sqrt(np.asarray(layer.variance, np.float64))
    if layer.invert:
        return affine.Map(deviation, mean)
    scale = 1 / np.maximum(deviation, _LEAST)
    return affine.Map(scale, -mean * scale, mean, deviation)


def _moments(layer: k.Layer) -> tuple[np.ndarray, np.ndarray] | None:
    if getattr(layer, "mean", None) is None or getattr(layer, "invert", False):
        return None
    return np.asarray(layer.mean).ravel(), np.asarray(layer.variance).ravel()


LAYERS = {
    "Normalization": facts.Layer(
        channels=_channels,
        affine=_affine,
        moments=_moments,
        is_finalized=True,
        takes_numbers=True,
        has_int8=True,
    )
}
