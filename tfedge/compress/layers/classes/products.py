"""Products of tensors, for which LiteRT has one operator on integers; weights in them stay."""

from tfedge.compress.layers import facts

_PRODUCT = facts.Layer(has_int8=True)

LAYERS = {"Dot": _PRODUCT}
