"""Pooling: the largest or the mean of each window, channel by channel."""

import dataclasses

from tfedge.compress.layers import facts, flows

_POOLING = facts.Layer(channels=flows.spatial, scales=True, has_int8=True, keeps_range=True)
# LiteRT takes the mean of all positions with an operator that has a scale of its own.
_MEAN_OF_ALL = dataclasses.replace(_POOLING, keeps_range=False)

LAYERS = {
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D"), _POOLING),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), _POOLING),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), _POOLING),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), _MEAN_OF_ALL),
}
