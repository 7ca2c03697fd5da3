"""Layers that read text."""

from tfedge.compress.layers import facts

_READS_STRINGS = facts.Layer(
    twin=facts.Twin(refused="it reads strings, models on a phone get numbers")
)

LAYERS = {"StringLookup": _READS_STRINGS, "TextVectorization": _READS_STRINGS}
