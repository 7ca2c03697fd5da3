"""Activation: whatever function it names."""

from tfedge.compress.layers import facts, flows, functions
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    return (flows.same if functions.of(use.layer).elementwise else flows.needs_all)(walk, use)


LAYERS = {
    "Activation": facts.Layer(
        is_function=True,
        channels=_channels,
        limit=functions.limit,
        has_int8=True,
        float_reason=functions.float_reason,
        fixes_range=True,
        fuses=functions.is_relu,
        may_vanish=True,
    )
}
