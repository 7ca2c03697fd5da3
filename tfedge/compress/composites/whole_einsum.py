"""EinsumDense in place of its parts, as its facts take it apart."""

import string
from collections.abc import Mapping, Sequence, Set
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k

_PARTS = ("read", "made", "bias", "activation")


def names(model: k.Model) -> set[str]:
    """Of the layers whose parts a flat tf_keras model may have."""
    layers = {layer.name: type(layer).__name__ for layer in model.layers}
    found = {name.rpartition(".")[0] for name in layers if name.rpartition(".")[2] in _PARTS}
    return {name for name in found if layers.get(name) == "Dense"}


def made(model: k.Model, chosen: Set[str]) -> dict[str, Sequence[graph.Replacement]]:
    """What stands in the place of each part of those that are chosen."""
    layers = {layer.name: layer for layer in model.layers}
    found: dict[str, Sequence[graph.Replacement]] = {}
    for name in sorted(names(model) & chosen):
        parts = {part: layers[f"{name}.{part}"] for part in _PARTS if f"{name}.{part}" in layers}
        found |= {layer.name: [] for layer in parts.values()}
        found[name] = [_whole(layers[name], parts)]
    return found


def _whole(dense: k.Layer, parts: Mapping[str, Any]) -> graph.Replacement:
    """The layer with the kernel and bias of a dense one."""
    before = (parts["read"] if "read" in parts else dense).input_shape
    after = (parts["made"] if "made" in parts else dense).output_shape
    kept = len(dense.input_shape) - 1  # axes from the batch to what is summed over
    letters = string.ascii_lowercase
    lead, rest = letters[:kept], letters[kept:]
    summed, new = len(before) - kept, len(after) - kept
    left, right = rest[:summed], rest[summed : summed + new]
    kernel, *bias = dense.get_weights()
    biased = len(right) if bias else 0
    if "bias" in parts:
        bias, biased = parts["bias"].get_weights(), parts["bias"].axes
    else:
        bias = [each.reshape(after[kept:]) for each in bias]
    activation = parts["activation"].activation if "activation" in parts else dense.activation
    layer = k.tf_keras.layers.EinsumDense(
        f"{lead}{left},{left}{right}->{lead}{right}",
        after[1:],
        activation=activation,
        bias_axes=f"{lead}{right}"[-biased:] if biased else None,
        name=dense.name,
    )
    return graph.Replacement(layer, [kernel.reshape(*before[kept:], *after[kept:]), *bias])
