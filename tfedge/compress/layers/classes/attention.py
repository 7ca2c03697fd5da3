"""MultiHeadAttention: four layers with kernels, and what is between them."""

from tfedge.compress.layers import facts

_PARTS = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")

LAYERS = {"MultiHeadAttention": facts.Layer(twin=facts.Twin(parts=_PARTS))}
