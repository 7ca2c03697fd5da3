"""Layers of ConvNeXt, which tf_keras has from the bridge."""

from tfedge.compress.layers import facts

_OURS = facts.Layer(twin=facts.Twin(ours="bridge.convnext"))

LAYERS = {"LayerScale": _OURS, "StochasticDepth": _OURS}
