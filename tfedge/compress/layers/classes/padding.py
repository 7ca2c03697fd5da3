"""Zero padding: zeros around what comes in, which LiteRT has as a code of its scale."""

from tfedge.compress.layers import facts, flows

_PADDING = facts.Layer(
    channels=flows.spatial,
    pads=True,
    scales=True,
    has_int8=True,
    keeps_range=True,
    may_vanish=True,
)

LAYERS = {"ZeroPadding1D": _PADDING, "ZeroPadding2D": _PADDING}
