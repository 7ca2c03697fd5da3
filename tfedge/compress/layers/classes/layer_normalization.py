"""LayerNormalization: what comes in without its mean, over its deviation."""

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    """The mean and the deviation of fewer channels are others: only training brings that back."""
    layer = use.layer
    roles = [*(["scale"] if layer.scale else []), *([""] if layer.center else [])]
    return flows.normalized(walk, use, layer.axis, roles)


LAYERS = {
    "LayerNormalization": facts.Layer(
        channels=_channels,
        gains=("gamma", "beta"),
        centers="center",
        is_slow_in_integers=True,
    )
}
