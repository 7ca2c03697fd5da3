"""Layers that change the number of positions, channel by channel."""

from tfedge.compress.layers import facts, flows

_REPEATED = facts.Layer(channels=flows.spatial, scales=True, has_int8=True, keeps_range=True)

LAYERS = {
    "Resizing": facts.Layer(channels=flows.spatial, takes_numbers=True, has_int8=True),
    "UpSampling1D": _REPEATED,
    "UpSampling2D": _REPEATED,
}
