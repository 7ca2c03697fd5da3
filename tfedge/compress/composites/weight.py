"""Weights that are no part of an operator: a tensor of their own, and zeros of every example."""

from collections.abc import Sequence
from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.keras import tf


@k.tf_keras.saving.register_keras_serializable("tfedge")
class Weight(k.tf_keras.layers.Layer):
    """Any tensor -> the weights, whatever it holds; they have no batch.

    Args:
        shape: of the weights.
    """

    def __init__(self, shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape):
        """The weights."""
        self.value = self.add_weight("value", shape=self.shape)
        super().build(input_shape)

    def call(self, inputs):
        """The weights."""
        return tf.identity(self.value)

    def compute_mask(self, inputs, mask=None):
        """None."""
        return None

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "shape": self.shape}


@k.tf_keras.saving.register_keras_serializable("tfedge")
class ZerosFor(k.tf_keras.layers.Layer):
    """(batch, ...) -> zeros (batch, *shape).

    Args:
        shape: without the batch.
    """

    def __init__(self, shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def call(self, inputs):
        """The zeros."""
        zeros = tf.zeros([tf.shape(inputs)[0], *self.shape])
        return tf.ensure_shape(zeros, [inputs.shape[0], *self.shape])

    def compute_mask(self, inputs, mask=None):
        """None."""
        return None

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "shape": self.shape}
