"""PReLU: a learned slope for what is negative, of each value or of each channel."""

from tfedge.compress.layers import facts
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    layer, flow = use.layer, walk.flow(use.tensors[0])
    if flow is not None and layer.alpha.shape[flow.axis - 1] > 1:
        walk.bind(layer, 0, flow.axis - 1, flow.ids)
    return flow


LAYERS = {"PReLU": facts.Layer(channels=_channels, scales=True, has_int8=True)}
