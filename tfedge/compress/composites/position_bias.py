"""A bias for each place of a sequence, and places that are all bias, such as a class token."""

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


@k.tf_keras.saving.register_keras_serializable("tfedge")
class MorePlaces(k.tf_keras.layers.Layer):
    """(batch, steps, channels) -> (batch, count + steps, channels), the new ones the same for all.

    A sum with zeros, since a constant that is put beside values has no integer form in a file.

    Args:
        count: how many.
        at_end: behind the others, and not in front.
    """

    def __init__(self, count: int = 1, at_end: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.count, self.at_end = count, at_end

    def build(self, input_shape):
        """The weights."""
        self.places = self.add_weight("places", shape=(self.count, input_shape[-1]))
        super().build(input_shape)

    def call(self, inputs):
        """Both, one behind the other."""
        new = [0, self.count] if self.at_end else [self.count, 0]
        old = [[inputs.shape[1] if size else 0 for size in new[::-1]], [0, 0]]
        return k.tf.pad(inputs, [[0, 0], new, [0, 0]]) + k.tf.pad(self.places, old)

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "count": self.count, "at_end": self.at_end}
