"""Cropping: drops what is near the edges."""

from tfedge.compress.layers import facts, flows

_CROPPING = facts.Layer(
    channels=flows.spatial, moves=True, scales=True, has_int8=True, keeps_range=True
)

LAYERS = {"Cropping1D": _CROPPING, "Cropping2D": _CROPPING}
