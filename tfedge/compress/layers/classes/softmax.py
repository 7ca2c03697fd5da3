"""Softmax: shares, which LiteRT has in a range of its own."""

from tfedge.compress.layers import facts

LAYERS = {"Softmax": facts.Layer(op="softmax", has_int8=True, fixes_range=True)}
