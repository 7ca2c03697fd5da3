"""Keras 3's embedding that also goes from a vector to its words, for tf_keras."""

from typing import Any

from tfedge.compress import keras
from tfedge.compress.keras import tf


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class ReversibleEmbedding(keras.tf_keras.layers.Embedding):
    """Numbers to rows of a table; with `reverse`, vectors to their products with all rows.

    The arguments are those of Keras 3's layer (Press & Wolf 2016, arXiv:1608.05859).

    Args:
        input_dim: rows.
        output_dim: columns.
        tie_weights: whether there is one table for both.
        logit_soft_cap: products c become cap * tanh(c / cap), None leaves them.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        *,
        tie_weights: bool = True,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(input_dim, output_dim, **kwargs)
        self.tie_weights, self.logit_soft_cap = tie_weights, logit_soft_cap

    def build(self, input_shape=None):
        """The table, and that of the way back if it is another."""
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight("reverse_embeddings", shape=shape)

    def call(self, inputs, reverse=False):
        """Rows, or products with all rows."""
        if not reverse:
            return super().call(inputs)
        table = tf.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        logits = tf.matmul(inputs, table)
        if self.logit_soft_cap is None:
            return logits
        return tf.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs, mask=None):
        """That of numbers; products have none."""
        return None if inputs.dtype.is_floating else super().compute_mask(inputs, mask)

    def get_config(self):
        """JSON, enough to make the layer again."""
        settings = {"tie_weights": self.tie_weights, "logit_soft_cap": self.logit_soft_cap}
        return {**super().get_config(), **settings}
