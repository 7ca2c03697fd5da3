"""Softmax: shares, which LiteRT has in a range of its own."""

import numpy as np

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    return flows.across(walk, use, np.ravel(use.layer.axis).tolist())


LAYERS = {"Softmax": facts.Layer(op="softmax", channels=_channels, has_int8=True, fixes_range=True)}
