"""UnitNormalization: what comes in, at length 1."""

from tfedge.compress.layers import facts

LAYERS = {"UnitNormalization": facts.Layer(has_int8=True)}
