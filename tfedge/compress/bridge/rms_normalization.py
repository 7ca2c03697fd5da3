"""Keras 3's RMSNormalization for tf_keras, computed by Keras 3's own code: equal to the bit."""

from collections.abc import Sequence
from typing import Any

from tfedge.compress import keras


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class RMSNormalization(keras.tf_keras.layers.Layer):
    """x / sqrt(mean(x^2) + epsilon) * scale (Zhang & Sennrich 2019, arXiv:1910.07467).

    Args:
        axis: that the mean goes over.
        epsilon: keeps it from being 0.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = [axis] if isinstance(axis, int) else list(axis)
        self.epsilon = epsilon

    def build(self, input_shape):
        """The scale."""
        shape = [tuple(input_shape)[axis] for axis in self.axis]
        self.scale = self.add_weight("scale", shape=shape, initializer="ones")
        super().build(input_shape)

    def call(self, inputs):
        """What comes in, normalized."""
        return keras.keras3().ops.rms_normalization(
            inputs, scale=self.scale, axis=self.axis, epsilon=self.epsilon
        )

    def get_config(self):
        """JSON, enough to make the layer again."""
        settings = {"axis": list(self.axis), "epsilon": self.epsilon}
        return {**super().get_config(), **settings}
