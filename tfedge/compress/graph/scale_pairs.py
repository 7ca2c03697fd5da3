"""Pairs of kernels between which a channel can be scaled: what one shrinks, the next enlarges.

Between them stands nothing but what scales with its input, f(s x) = s f(x) for s > 0, and
nothing else reads the channels on the way.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.layers import facts, kernels


@dataclasses.dataclass(frozen=True)
class Link:
    """Two layers whose kernels can share a factor per channel.

    Attributes:
        first: name of the layer that makes the channels.
        second: name of the only layer that reads them.
        between: name of the layer whose output is the activation in between.
        cap: upper limit of that activation, None without one; only below it does it scale.
    """

    first: str
    second: str
    between: str
    cap: float | None


def find(model: k.Model) -> tuple[tuple[Link, ...], dict[str, str]]:
    """The links of a flat, folded model, in order, and why other kernels make none.

    Returns:
        Links, and for each layer that is no link's first the reason.
    """
    readers = graph.consumers(model)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    found, reasons = [], {}
    for kernel in kernels.find(model):
        link = _follow(model.get_layer(kernel.layer), readers, outputs)
        if isinstance(link, Link):
            found.append(link)
        else:
            reasons[kernel.layer] = link
    return tuple(found), reasons


def outgoing(kernel: kernels.Kernel, factors: np.ndarray) -> np.ndarray:
    """(channels,) factors of what a kernel makes, as an array that broadcasts with it."""
    shape = [1] * len(kernel.shape)
    for axis in kernels.channel_axes(kernel.layer_class):
        shape[axis] = kernel.shape[axis]
    return factors.reshape(shape)


def incoming(kernel: kernels.Kernel, factors: np.ndarray) -> np.ndarray:
    """(channels,) factors of what a kernel reads, as an array that broadcasts with it.

    A dense layer behind Flatten reads each channel once per position, the channel running fastest.
    """
    axis = kernels.input_axis(kernel.layer_class)
    shape = [1] * len(kernel.shape)
    shape[axis] = kernel.shape[axis]
    return np.tile(factors, kernel.shape[axis] // len(factors)).reshape(shape)


def made(kernel: kernels.Kernel, value: np.ndarray) -> np.ndarray:
    """(channels,) largest weight of each output channel."""
    return np.abs(value).max(axis=kernels.per_channel(kernel.layer_class, value.ndim)).reshape(-1)


def read(kernel: kernels.Kernel, value: np.ndarray, channels: int) -> np.ndarray:
    """(channels,) largest weight that reads each input channel."""
    rows = np.moveaxis(np.abs(value), kernels.input_axis(kernel.layer_class), 0)
    return rows.reshape(-1, channels, rows[0].size).max(axis=(0, 2))


def _follow(layer: k.Layer, readers: dict[str, list[Any]], outputs: set[str]) -> Link | str:
    """The link that starts at a layer, or why there is none."""
    first, between, cap = layer.name, layer.name, facts.of(layer).limit(layer)
    while True:
        if isinstance(cap, str):
            return cap
        if len(layer.inbound_nodes) != 1:
            return f"{layer.name} is used more than once"
        if layer.name in outputs:
            return "its channels are an output of the model"
        if len(readers[layer.name]) != 1:
            return f"{len(readers[layer.name])} layers read its channels (a branch or a residual)"
        layer = readers[layer.name][0]
        found = facts.of(layer)
        if found.is_compressed:
            return _link(first, layer, between, cap)
        if not found.scales:
            own = found.limit(layer)
            if isinstance(own, str):
                return own
            between, cap = layer.name, _lower(cap, own)


def _link(first: str, second: Any, between: str, cap: float | None) -> Link | str:
    if len(second.inbound_nodes) != 1:
        return f"{second.name}, which reads its channels, is used more than once"
    if kernels.groups(second) > 1:
        return f"{second.name}, which reads its channels, does so in groups"
    return Link(first, second.name, between, cap)


def _lower(first: float | None, second: float | None) -> float | None:
    given = [cap for cap in (first, second) if cap is not None]
    return min(given, default=None)
