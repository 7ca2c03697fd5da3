"""Keras' masks where they have to be tensors: a layer that reads one, and one that hands it on.

A mask travels beside a tensor, from `Embedding(mask_zero=True)` or `Masking` through all layers
that know of it. Operations between layers do not: what is computed with a mask reads it here.
"""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.keras import tf


@k.tf_keras.saving.register_keras_serializable("tfedge")
class MaskOf(k.tf_keras.layers.Layer):
    """(batch, steps, ...) with a mask -> (batch, steps) booleans, False where it is padding.

    Args:
        shape: of the booleans behind the batch, -1 for the steps: 1s are put around them.
    """

    def __init__(self, shape: tuple[int, ...] = (-1,), **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.shape = tuple(shape)

    def call(self, inputs, mask=None):
        """The mask; all True where there is none."""
        found = tf.ones(tf.shape(inputs)[:2], tf.bool) if mask is None else mask
        steps = inputs.shape[1]
        known = [steps if size == -1 and steps else size for size in self.shape]
        return tf.reshape(tf.cast(found, tf.bool), [-1, *known])

    def compute_mask(self, inputs, mask=None):
        """None: booleans are not padded."""
        return None

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "shape": self.shape}


@k.tf_keras.saving.register_keras_serializable("tfedge")
class WithMaskOf(k.tf_keras.layers.Layer):
    """[tensor, another] -> the tensor, with the mask of the other."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        """The first."""
        return tf.identity(inputs[0])

    def compute_mask(self, inputs, mask=None):
        """That of the second."""
        return None if mask is None else mask[1]


@k.tf_keras.saving.register_keras_serializable("tfedge")
class WithMask(k.tf_keras.layers.Layer):
    """[tensor, (batch, steps) booleans] -> the tensor, with these as its mask."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        """The first."""
        return tf.identity(inputs[0])

    def compute_mask(self, inputs, mask=None):
        """The second."""
        return tf.cast(inputs[1], tf.bool)


@k.tf_keras.saving.register_keras_serializable("tfedge")
class Unmasked(k.tf_keras.layers.Layer):
    """A tensor -> the tensor, without its mask."""

    def call(self, inputs):
        """As it is."""
        return tf.identity(inputs)

    def compute_mask(self, inputs, mask=None):
        """None."""
        return None
