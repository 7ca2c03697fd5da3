"""Masks as tensors; see `composites.mask_layers`."""

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

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


def _read_beside(walk: Walk, use: Use) -> Flow | None:
    """What is read travels beside the channels; none of their values is."""
    flow = walk.flow(use.tensors[0])
    return flows.needs_all(walk, use) if flow is not None and flow.axis == 1 else None


LAYERS = {
    "MaskOf": facts.Layer(channels=_read_beside, twin=_OURS),
    "WithMaskOf": _HANDED_ON,
    "WithMask": _HANDED_ON,
    "Unmasked": _HANDED_ON,
}
