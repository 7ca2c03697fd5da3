"""A bias for each place of a sequence."""

from typing import Any

from tfedge.compress import keras as k


@k.tf_keras.saving.register_keras_serializable("tfedge")
class PositionBias(k.tf_keras.layers.Layer):
    """(batch, ..., steps, channels) -> the same shape, with weights of the last axes added.

    Args:
        axes: how many axes the weights have, from the last.
    """

    def __init__(self, axes: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.axes = axes
        self.supports_masking = True

    def build(self, input_shape):
        """The weights."""
        self.bias = self.add_weight("bias", shape=tuple(input_shape)[-self.axes :])
        super().build(input_shape)

    def call(self, inputs):
        """The sum."""
        return inputs + self.bias

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "axes": self.axes}
