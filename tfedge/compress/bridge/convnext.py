"""The two layers ConvNeXt (Liu et al. 2022) has of its own, for tf_keras.

Keras 3 keeps them inside keras.applications, where tf_keras cannot look.
"""

from typing import Any

from tfedge.compress import keras

_tf = keras.tf


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class LayerScale(keras.tf_keras.layers.Layer):
    """Multiplies each channel by a weight (Touvron et al. 2021).

    Args:
        init_values: what the weights start at.
        projection_dim: number of channels.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape):
        """Makes `gamma`, one weight per channel."""
        start = keras.tf_keras.initializers.Constant(self.init_values)
        self.gamma = self.add_weight("gamma", (self.projection_dim,), initializer=start)
        super().build(input_shape)

    def call(self, inputs):
        """The scaled input."""
        return inputs * self.gamma

    def get_config(self):
        """JSON, enough to make the layer again."""
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class StochasticDepth(keras.tf_keras.__internal__.layers.BaseRandomLayer):
    """Drops the residual path of an example while training (Huang et al. 2016).

    Args:
        drop_path_rate: share of examples that lose it, 0..1.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate

    def call(self, inputs, training=None):
        """The input, or while training zero or the input divided by the share that stays."""
        if not training:
            return inputs
        kept = 1.0 - self.drop_path_rate
        shape = [_tf.shape(inputs)[0]] + [1] * (inputs.shape.rank - 1)
        return inputs / kept * _tf.floor(kept + self._random_generator.random_uniform(shape))

    def get_config(self):
        """JSON, enough to make the layer again."""
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}
