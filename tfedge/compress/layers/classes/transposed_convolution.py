"""Transposed convolutions: each input position adds a window to the output."""

from tfedge.compress.layers import facts, kernel_layer
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    """Kernel (*window, outputs, inputs)."""
    layer = use.layer
    if layer.data_format != "channels_last":
        return walk.stop(use.tensors, f"{layer.name} has its channels first")
    axis = len(layer.kernel.shape) - 1
    flow = walk.along_last(use)
    if flow is not None:
        walk.bind(layer, 0, axis, flow.ids, "read")
        walk.tap(use.tensors[0])
    made = walk.source(layer.name, layer.filters)
    walk.bind(layer, 0, axis - 1, made, "make")
    return kernel_layer.ended(walk, use, made)


LAYERS = {
    "Conv1DTranspose": kernel_layer.of(facts.KernelAxes("kernel", (1,), 2), "filters", _channels),
    "Conv2DTranspose": kernel_layer.of(facts.KernelAxes("kernel", (2,), 3), "filters", _channels),
    "Conv3DTranspose": facts.Layer(
        channels=_channels, width="filters"
    ),  # LiteRT has it in float only
}
