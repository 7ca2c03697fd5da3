"""Dense: one matrix at every position."""

from tfedge.compress.layers import facts, kernel_layer
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    flow = walk.along_last(use)
    if flow is not None:
        walk.bind(use.layer, 0, 0, flow.ids, "read")
        walk.tap(use.tensors[0])
    made = walk.source(use.layer.name, use.layer.units)
    walk.bind(use.layer, 0, 1, made, "make")
    return kernel_layer.ended(walk, use, made)


LAYERS = {"Dense": kernel_layer.of(facts.KernelAxes("kernel", (1,), 0), "units", _channels)}
