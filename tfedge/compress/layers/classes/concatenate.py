"""Concatenate: tensors end to end."""

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    return flows.concatenated(walk, use, use.layer.axis)


LAYERS = {
    "Concatenate": facts.Layer(op="concatenate", channels=_channels, joins=True, has_int8=True)
}
