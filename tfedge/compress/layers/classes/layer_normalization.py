"""LayerNormalization: what comes in without its mean, over its deviation."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    """The mean and the deviation of fewer channels are others: only training brings that back."""
    layer = use.layer
    roles = [*(["scale"] if layer.scale else []), *([""] if layer.center else [])]
    return flows.normalized(walk, use, layer.axis, roles)


def _in_integers(layer: k.Layer) -> Any:
    if list(layer.axis) != [len(layer.get_input_shape_at(0)) - 1]:
        return None
    from tfedge.compress.composites import normalization

    gains = [*(["multiply"] if layer.scale else []), *(["add"] if layer.center else [])]
    return normalization.Parts(layer.name, layer.epsilon, True, gains)


LAYERS = {
    "LayerNormalization": facts.Layer(
        channels=_channels,
        gains=("gamma", "beta"),
        centers="center",
        is_slow_in_integers=True,
        in_integers=_in_integers,
    )
}
