"""Masks as tensors; see `composites.mask_layers`."""

from tfedge.compress.layers import facts, flows

_OURS = facts.Twin(ours="composites.mask_layers")
_HANDED_ON = facts.Layer(
    channels=flows.same,
    moves=True,
    scales=True,
    has_int8=True,
    keeps_range=True,
    may_vanish=True,
    twin=_OURS,
)

LAYERS = {"MaskOf": facts.Layer(twin=_OURS), "WithMaskOf": _HANDED_ON}
