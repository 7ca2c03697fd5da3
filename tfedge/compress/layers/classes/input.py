"""Where a model begins."""

from tfedge.compress.layers import facts

LAYERS = {"InputLayer": facts.Layer(has_int8=True)}
