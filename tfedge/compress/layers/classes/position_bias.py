"""What a sequence has at a place whatever is there; see `composites.position_bias`."""

from tfedge.compress.layers import facts
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    flow = walk.along_last(use)
    if flow is not None:
        walk.bind(use.layer, 0, use.layer.axes - 1, flow.ids)
    return flow


def _all_places(walk: Walk, use: Use) -> Flow | None:
    flow = walk.along_last(use)
    if flow is not None:
        walk.bind(use.layer, 0, 1, flow.ids)
    return flow


LAYERS = {
    "MorePlaces": facts.Layer(
        channels=_all_places,
        has_int8=True,
        twin=facts.Twin(ours="composites.position_bias"),
    ),
    "PositionBias": facts.Layer(
        op="add",
        channels=_channels,
        has_int8=True,
        twin=facts.Twin(ours="composites.position_bias"),
    ),
}
