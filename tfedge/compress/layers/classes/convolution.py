"""Convolutions: a window at every position, from all channels (of a group) to all."""

from tfedge.compress.layers import facts, kernel_layer
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    """Kernel (*window, inputs / groups, outputs)."""
    layer = use.layer
    if layer.data_format != "channels_last":
        return walk.stop(use.tensors, f"{layer.name} has its channels first")
    axis = len(layer.kernel.shape) - 2
    flow = walk.along_last(use)
    if flow is not None:
        # The same place of every group goes, so that groups stay of one size.
        rows = flow.ids.reshape(layer.groups, -1)
        for row in rows[1:]:
            walk.join(rows[0], row)
        walk.bind(layer, 0, axis, rows[0], "read")
        walk.tap(use.tensors[0])
    made = walk.source(layer.name, layer.filters)
    rows = made.reshape(layer.groups, -1)
    for row in rows[1:]:
        walk.join(rows[0], row)
    walk.bind(layer, 0, axis + 1, made, "make")
    return kernel_layer.ended(walk, use, made)


LAYERS = {
    "Conv1D": kernel_layer.of(facts.KernelAxes("kernel", (2,), 1), "filters", _channels),
    "Conv2D": kernel_layer.of(facts.KernelAxes("kernel", (3,), 2), "filters", _channels),
    "Conv3D": facts.Layer(channels=_channels, width="filters"),  # LiteRT has it in float only
}
