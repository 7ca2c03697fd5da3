"""Depthwise convolutions: a window for each channel, or several."""

import numpy as np

from tfedge.compress.layers import facts, flows, kernel_layer
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow | None:
    """Kernel (*window, inputs, multiplier); output i * multiplier + j comes from input i."""
    layer = use.layer
    flow = walk.along_last(use)
    if flow is None or layer.data_format != "channels_last":
        return flows.needs_all(walk, use)
    walk.bind(layer, 0, len(layer.depthwise_kernel.shape) - 2, flow.ids, "pass")
    return kernel_layer.ended(walk, use, np.repeat(flow.ids, layer.depth_multiplier))


LAYERS = {
    "DepthwiseConv1D": kernel_layer.of(
        facts.KernelAxes("depthwise_kernel", (1, 2), 1), "", _channels
    ),
    "DepthwiseConv2D": kernel_layer.of(
        facts.KernelAxes("depthwise_kernel", (2, 3), 2), "", _channels
    ),
}
