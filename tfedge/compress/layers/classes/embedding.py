"""Embedding: a row of a table for each number; a reversible one is also used as a matrix."""

from tfedge.compress import keras as k
from tfedge.compress.layers import facts
from tfedge.compress.layers.channel_walk import Flow, Use, Walk


def _channels(walk: Walk, use: Use) -> Flow:
    made = walk.source(use.layer.name, use.layer.output_dim)
    walk.bind(use.layer, 0, 1, made, "make")
    return Flow(use.last_axis, made)


def _float_reason(layer: k.Layer) -> str:
    return "its table is rounded to int8 only after training, with one scale"


LAYERS = {
    "Embedding": facts.Layer(channels=_channels, width="output_dim", float_reason=_float_reason),
    "ReversibleEmbedding": facts.Layer(
        float_reason=_float_reason, twin=facts.Twin(ours="bridge.reversible_embedding")
    ),
}
