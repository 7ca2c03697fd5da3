"""Attention: four layers with kernels, and what is between them; it is taken apart first."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import facts

_PARTS = {
    "query": "_query_dense",
    "key": "_key_dense",
    "value": "_value_dense",
    "output": "_output_dense",
}
_ALIKE = ("kernel_regularizer", "bias_regularizer", "dtype", "trainable")
Steps = list[tuple[Any, Sequence[np.ndarray]]]


def _multi_head(layer: k.Layer) -> dict[str, Any]:
    config, rank = layer.get_config(), len(layer._query_shape)
    return {
        "rank": rank,
        "axes": tuple(axis % rank for axis in layer._attention_axes),
        "heads": config["num_heads"],
        "groups": config["num_heads"],
        "key_dim": config["key_dim"],
        "value_dim": config["value_dim"],
        "output": tuple(layer._output_dense.kernel.shape[2:]),
    }


def _grouped(layer: k.Layer) -> dict[str, Any]:
    return {
        "rank": 3,
        "axes": (1,),
        "heads": layer.num_query_heads,
        "groups": layer.num_key_value_heads,
        "key_dim": layer.head_dim,
        "value_dim": layer.head_dim,
        "output": tuple(layer._output_dense.kernel.shape[2:]),
        "window": layer.sliding_window,
    }


def _taken_apart(form: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Steps]:
    def plain(layer: k.Layer) -> Steps:
        from tfedge.compress.composites import attention  # it needs TensorFlow, facts do not

        config = layer.get_config()
        use_bias, dropout = config["use_bias"], config["dropout"]
        found = attention.Form(name=layer.name, use_bias=use_bias, dropout=dropout, **form(layer))
        if not attention.is_plain(found, layer):
            return []
        settings = {name: config[name] for name in _ALIKE}
        weights = {part: getattr(layer, name).get_weights() for part, name in _PARTS.items()}
        return [(attention.Attention(found, settings), found.kernels(weights))]

    return plain


def _facts(form: Callable[[Any], dict[str, Any]], ours: str = "", keras3: str = "") -> facts.Layer:
    twin = facts.Twin(keras3, ours, parts=tuple(_PARTS.values()))
    return facts.Layer(plain=_taken_apart(form), twin=twin)


LAYERS = {
    "MultiHeadAttention": _facts(_multi_head),
    "GroupedQueryAttention": _facts(
        _grouped, ours="bridge.grouped_attention", keras3="GroupQueryAttention"
    ),
}
