"""Weights of their own; see `composites.weight`."""

from tfedge.compress.layers import facts
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

_OURS = facts.Twin(ours="composites.weight")


def _all_needed(walk: Walk, use: Use) -> Flow | None:
    """What comes in says how many examples there are, and nothing else."""
    return None


LAYERS = {
    "Weight": facts.Layer(channels=_all_needed, has_int8=True, twin=_OURS),
    "ZerosFor": facts.Layer(channels=_all_needed, has_int8=True, twin=_OURS),
}
