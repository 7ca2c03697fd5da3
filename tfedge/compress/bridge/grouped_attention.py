"""Keras 3's attention whose keys and values serve several heads, for tf_keras.

What Keras 3 computes from queries, keys and values is computed by its own code: equal to the bit.
Ainslie et al. 2023, arXiv:2305.13245.
"""

import math
from typing import Any

from tfedge.compress import keras
from tfedge.compress.keras import tf


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class GroupedQueryAttention(keras.tf_keras.layers.Layer):
    """(batch, steps, channels) -> the same shape; the arguments are those of Keras 3's layer.

    Args:
        head_dim: channels of a head.
        num_query_heads: of the queries.
        num_key_value_heads: of keys and values, each for as many of the others.
        dropout: share of the scores that training leaves out.
        use_bias: of the four kernels.
        sliding_window: from how far a step is seen, None from anywhere.
        kernel_regularizer: of the four kernels.
        bias_regularizer: of their biases.
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        *,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.head_dim, self.dropout, self.use_bias = head_dim, dropout, use_bias
        self.num_query_heads, self.num_key_value_heads = num_query_heads, num_key_value_heads
        self.sliding_window = sliding_window
        regularizers = keras.tf_keras.regularizers
        self.regularizers = {
            "kernel_regularizer": regularizers.get(kernel_regularizer),
            "bias_regularizer": regularizers.get(bias_regularizer),
        }
        self._dropout_layer = keras.tf_keras.layers.Dropout(dropout)

    def build(self, input_shape):
        """The kernels; that of what comes out has the channels of the query."""
        query, shared, width = self.num_query_heads, self.num_key_value_heads, self.head_dim
        for part, heads in (("query", query), ("key", shared), ("value", shared)):
            axes, made = "de" if self.use_bias else None, (None, heads, width)
            setattr(self, f"_{part}_dense", self._kernel(part, "abc,cde->abde", made, axes))
        axes, made = "c" if self.use_bias else None, (None, tuple(input_shape)[-1])
        self._output_dense = self._kernel("attention_output", "abde,dec->abc", made, axes)
        super().build(input_shape)

    def call(
        self,
        query,
        value,
        key=None,
        *,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
    ):
        """The outputs, with the scores if asked for."""
        key = value if key is None else key
        mask = self._mask(query, value, key, attention_mask, use_causal_mask)
        repeats = self.num_query_heads // self.num_key_value_heads
        queries = self._query_dense(query)
        keys = tf.repeat(self._key_dense(key), repeats, axis=2)
        values = tf.repeat(self._value_dense(value), repeats, axis=2)
        if not (self.dropout or return_attention_scores):
            ops = keras.keras3().ops
            scale = 1.0 / math.sqrt(float(self.head_dim))
            mixed = ops.dot_product_attention(queries, keys, values, mask=mask, scale=scale)
            return self._output_dense(mixed)
        queries = queries * (1.0 / math.sqrt(float(self.head_dim)))
        scores = tf.einsum("bquh,bkuh->buqk", queries, keys)
        scores = keras.tf_keras.layers.Softmax()(scores, mask)
        chances = self._dropout_layer(scores, training=training)
        outputs = self._output_dense(tf.einsum("buqk,bkuh->bquh", chances, values))
        return (outputs, scores) if return_attention_scores else outputs

    def get_config(self):
        """JSON, enough to make the layer again."""
        names = ("head_dim", "num_query_heads", "num_key_value_heads", "dropout", "use_bias")
        settings = {name: getattr(self, name) for name in (*names, "sliding_window")}
        serialize = keras.tf_keras.regularizers.serialize
        settings |= {name: serialize(value) for name, value in self.regularizers.items()}
        return {**super().get_config(), **settings}

    def _kernel(self, name: str, equation: str, made: tuple, axes: str | None) -> Any:
        return keras.tf_keras.layers.EinsumDense(
            equation, made, bias_axes=axes, name=name, **self.regularizers
        )

    def _mask(self, query: Any, value: Any, key: Any, given: Any, causal: bool) -> Any:
        """(batch, 1 or heads, steps, steps) booleans, None where all is seen."""
        found = [] if given is None else [tf.cast(given, tf.bool)]
        for tensor, axis in ((query, -1), (value, -2), (key, -2)):
            mask = getattr(tensor, "_keras_mask", None)
            if mask is not None:
                found.append(tf.expand_dims(tf.cast(mask, tf.bool), axis))
        rows, columns = tf.range(tf.shape(query)[1])[:, None], tf.range(tf.shape(value)[1])[None]
        if causal:
            found.append((rows >= columns)[None])
        if self.sliding_window is not None:
            found.append((tf.abs(rows - columns) < self.sliding_window)[None])
        if not found:
            return None
        whole = found[0]
        for each in found[1:]:
            whole = whole & each
        return whole[:, None] if len(whole.shape) == 3 else whole
