"""Embedding: a row of a table for each number; a reversible one is also used as a matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import facts
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

_TABLE = facts.KernelAxes("embeddings", (1,), 0, is_table=True)


def _channels(walk: Walk, use: Use) -> Flow:
    made = walk.source(use.layer.name, use.layer.output_dim)
    walk.bind(use.layer, 0, 1, made, "make")
    return Flow(use.last_axis, made)


def _both_ways(walk: Walk, use: Use) -> Flow | None:
    """On the way back the columns are read: what comes in has to have the same channels."""
    layer, rows = use.layer, _channels(walk, use)
    if len(use.output.shape) > len(use.tensors[0].shape):
        return rows
    flow = walk.along_last(use)
    if flow is None:
        walk.keep(rows.ids, f"{layer.name} multiplies them with what stays")
    else:
        walk.join(flow.ids, rows.ids)
        walk.tap(use.tensors[0])
    return None


def _unscaled(layer: k.Layer) -> str:
    return "a table's rows have the scales, which no factor of its channels evens"


def _plain(layer: k.Layer) -> list[tuple[Any, Sequence[np.ndarray]]]:
    """A table for each way is a layer for each."""
    if layer.tie_weights:
        return []
    from tfedge.compress.composites import two_tables  # it needs TensorFlow, facts do not

    return [(two_tables.TwoTables(layer), layer.get_weights())]


def _float_reason(layer: k.Layer) -> str:
    return "" if layer.logit_soft_cap is None else "its cap has no int8 form as one operator"


LAYERS = {
    "Embedding": facts.Layer(
        kernel=_TABLE, width="output_dim", channels=_channels, limit=_unscaled, has_int8=True
    ),
    "ReversibleEmbedding": facts.Layer(
        kernel=_TABLE,
        plain=_plain,
        width="output_dim",
        channels=_both_ways,
        limit=_unscaled,
        has_int8=True,
        float_reason=_float_reason,
        twin=facts.Twin(ours="bridge.reversible_embedding"),
    ),
}
