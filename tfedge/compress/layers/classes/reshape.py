"""Layers that give every value another place: they say themselves where it goes."""

import dataclasses

from tfedge.compress.layers import facts, flows
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _moved(walk: Walk, use: Use) -> Flow | None:
    return flows.moved(walk, use, use.layer.call)


def _reshaped(walk: Walk, use: Use) -> Flow | None:
    flow = _moved(walk, use)
    if flow is not None:
        before = walk.reshaped.setdefault(use.layer.name, flow)
        if before is not flow:  # a second use: one target shape has to fit both
            walk.join(before.ids, flow.ids)
    return flow


_MOVES = facts.Layer(channels=_moved, moves=True, has_int8=True, keeps_range=True)

LAYERS = {
    "Flatten": dataclasses.replace(_MOVES, scales=True, may_vanish=True),
    "Permute": _MOVES,
    "RepeatVector": _MOVES,
    "Reshape": dataclasses.replace(_MOVES, channels=_reshaped, may_vanish=True),
}
