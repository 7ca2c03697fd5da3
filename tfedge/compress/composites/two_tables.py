"""A reversible embedding whose two ways have a table each: Embedding, and Dense on the way back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.bridge import operation


class TwoTables:
    """It is called as the layer is, and then takes its weights.

    Args:
        layer: a reversible embedding of tf_keras.
    """

    def __init__(self, layer: k.Layer):
        config = layer.get_config()
        self._name, self._cap, self._calls = layer.name, layer.logit_soft_cap, 0
        self._there = k.tf_keras.layers.Embedding(
            layer.input_dim,
            layer.output_dim,
            mask_zero=layer.mask_zero,
            name=layer.name,
            trainable=config["trainable"],
        )
        self._back = k.tf_keras.layers.Dense(
            layer.input_dim,
            use_bias=False,
            name=f"{layer.name}.reverse",
            trainable=config["trainable"],
        )

    def __call__(self, inputs: Any, reverse: bool = False) -> Any:
        """Rows, or products with all rows."""
        if not reverse:
            return self._there(inputs)
        self._calls += 1
        logits = self._back(inputs)
        for op, value in (("divide", self._cap), ("tanh", None), ("multiply", self._cap)):
            if self._cap is not None:
                logits = self._op(op, logits, *([] if value is None else [value]))
        return logits

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Of the layer; those of a way that is not used are no part of the model."""
        for layer, each in zip((self._there, self._back), weights, strict=True):
            if layer.built:
                layer.set_weights([each])

    def _op(self, op: str, *arguments: Any) -> Any:
        number = f"_{self._calls - 1}" if self._calls > 1 else ""
        name = f"{self._name}.{op}{number}"
        return operation.in_tf_keras(operation.Operation(op, arguments), name, True)
