"""A factor on what goes through, by which a branch is taken away and given back."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.keras import tf


class Gate(k.tf_keras.layers.Layer):
    """What comes in, times a factor."""

    def __init__(self, **kwargs: Any):
        """The factor is 1.

        Args:
            **kwargs: of every layer.
        """
        super().__init__(**kwargs)
        self.factor = tf.Variable(1.0, trainable=False)

    def call(self, inputs: k.Tensor) -> k.Tensor:
        """The product."""
        return self.factor * inputs
