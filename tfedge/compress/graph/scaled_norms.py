"""Normalizations whose channels can be scaled: what they shrink, every kernel behind enlarges.

Their own factor and offset take it, so that nothing is computed for it (SmoothQuant, Xiao et al.
2022, arXiv:2211.10438).
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.layers import facts, kernels


@dataclasses.dataclass(frozen=True)
class Norm:
    """A layer, and all that reads its channels: layers with kernels."""

    layer: str
    readers: tuple[str, ...]


def find(model: k.Model) -> tuple[tuple[Norm, ...], dict[str, str]]:
    """Those of a flat model, in order, and why others are none."""
    readers = graph.consumers(model)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    found, reasons = list[Norm](), {}
    for layer in model.layers:
        if facts.of(layer).gains:
            reason = _obstacle(layer, readers[layer.name], layer.name in outputs)
            if reason:
                reasons[layer.name] = reason
            else:
                names = dict.fromkeys(each.name for each in readers[layer.name])
                found.append(Norm(layer.name, tuple(names)))
    return tuple(found), reasons


def divide(layer: k.Layer, factors: np.ndarray) -> None:
    """What a normalization puts out, by (channels,) factors, in place."""
    for name in facts.of(layer).gains:
        weight = getattr(layer, name)
        if weight is not None:
            weight.assign((weight.numpy() / factors).astype(np.float32))


def _obstacle(layer: k.Layer, readers: list[Any], is_output: bool) -> str:
    first, last = getattr(layer, facts.of(layer).gains[0]), len(layer.output_shape) - 1
    axes = [int(axis) % (last + 1) for axis in np.ravel(layer.axis)]
    if first is None or axes != [last]:
        return "it has no factor for each channel"
    if is_output:
        return "its channels are an output of the model"
    for each in readers:
        found = facts.of(each)
        if len(each.inbound_nodes) != 1:
            return f"{each.name}, which reads its channels, is used more than once"
        if not found.is_compressed or found.kernel is None or kernels.groups(each) > 1:
            return f"{each.name}, which reads its channels, has no kernel to take a factor"
        if kernels.variable(each).shape[found.kernel.input] != first.shape[0]:
            return f"{each.name} reads its channels as others"
    return ""
