"""Cuts units of channels out of a model: every slice of every weight, in one replay."""

from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Cut
from tfedge.compress.channels import Channels, input_columns
from tfedge.compress.layers import facts, kernels
from tfedge.compress.layers.channel_walk import Flow


def cut(model: k.Model, channels: Channels, alive: np.ndarray) -> tuple[Any, tuple[Cut, ...]]:
    """A smaller model.

    Args:
        model: what `channels` were found in.
        channels: of the model.
        alive: (units,) bool, False for those that go.

    Returns:
        The model, and what was cut out of the first weight of each layer, its kernel. Columns
        of inputs that go are dropped by an operation after the input, whose shape stays.
    """
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    cuts = []
    for member in channels.members:
        kept = np.flatnonzero(alive[member.units])
        if len(kept) < len(member.units):
            found = weights[member.layer]
            found[member.weight] = np.take(found[member.weight], kept, member.axis)
            if member.weight == 0:
                cuts.append(Cut(member.layer, member.axis, kept))
    changed = {member.layer for member in channels.members if not alive[member.units].all()}
    replace = {
        layer.name: [graph.Replacement(_narrower(layer, channels, alive), weights[layer.name])]
        for layer in model.layers
        if layer.name in changed
    }
    replace |= {
        name: [graph.Replacement(_reshaped(model.get_layer(name), flow, alive))]
        for name, flow in channels.reshaped.items()
        if not alive[flow.ids].all()
    }
    replace |= {
        layer.name: [graph.Replacement(input_columns.fewer(layer, alive[units]))]
        for layer in model.layers
        if (units := channels.sources.get(layer.name)) is not None
        and input_columns.kept(layer) is not None
    }

    def after_input(name: str, tensor: k.Tensor) -> k.Tensor:
        units = channels.sources.get(name)
        if units is None or alive[units].all():
            return tensor
        return input_columns.select(name, tensor, np.flatnonzero(alive[units]))

    return graph.rebuild(model, replace, after_input=after_input), tuple(cuts)


def _narrower(layer: k.Layer, channels: Channels, alive: np.ndarray) -> k.Layer:
    """The layer with as many outputs as are left."""
    config = layer.get_config()
    units = channels.sources.get(layer.name)
    width = facts.of(layer).width
    if units is not None and width:
        config[width] = int(alive[units].sum())
    return type(layer).from_config(config)


def _reshaped(layer: k.Layer, flow: Flow, alive: np.ndarray) -> k.Layer:
    """A layer that reshapes to the width that is left."""
    shape = [size or -1 for size in layer.output_shape[1:]]
    shape[flow.axis - 1] = int(alive[flow.ids].sum())
    config = layer.get_config()
    if "target_shape" in config:
        return type(layer).from_config({**config, "target_shape": tuple(shape)})
    settings = {**config["settings"], "newshape": [-1, *shape]}
    return type(layer).from_config({**config, "arguments": [{"tensor": 0}], "settings": settings})


def widths(before: Any, after: Any) -> dict[str, list[int]]:
    """Layer -> its output channels in both models, for kernels in both with another number."""
    old, new = (
        {kernel.layer: _width(kernel) for kernel in kernels.find(m)} for m in (before, after)
    )
    return {
        name: [width, new[name]] for name, width in old.items() if new.get(name, width) != width
    }


def smaller(before: Any, after: Any) -> tuple[str, ...]:
    """Layers whose weights lost slices, or are gone."""
    left = {layer.name: [weight.shape for weight in layer.weights] for layer in after.layers}
    return tuple(
        layer.name
        for layer in before.layers
        if [weight.shape for weight in layer.weights] != left.get(layer.name, [])
    )


def _width(kernel: kernels.Kernel) -> int:
    return int(np.prod([kernel.shape[axis] for axis in kernels.axes(kernel.layer_class).outputs]))
