"""Dropout and other noise, which there is in training only."""

import dataclasses

from tfedge.compress.layers import facts, flows

_NOISE = facts.Layer(
    channels=flows.same,
    moves=True,
    idle=True,
    noisy=True,
    has_int8=True,
    keeps_range=True,
    may_vanish=True,
)
_DROPOUT = dataclasses.replace(_NOISE, scales=True)

_DROPOUTS = ("Dropout", *(f"SpatialDropout{axes}D" for axes in (1, 2, 3)))

LAYERS = {
    **dict.fromkeys(_DROPOUTS, _DROPOUT),
    **dict.fromkeys(("GaussianNoise", "GaussianDropout", "AlphaDropout"), _NOISE),
}
