"""Sums of tensors, with the masks that Keras 3 gives what they make.

tf_keras masks a sum where any of its terms is masked, Keras 3 only where all terms have a mask and
none of these lets the place through: a table of words added to one of places loses its padding.
"""

import functools
from typing import Any

from tfedge.compress import keras
from tfedge.compress.keras import tf

_register = keras.tf_keras.saving.register_keras_serializable("tfedge")


class _Masked:
    """The masks of Keras 3."""

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None where a tensor has no mask, else what any of them lets through."""
        if mask is None or any(each is None for each in mask):
            return None
        return functools.reduce(tf.logical_or, mask)


@_register
class Add(_Masked, keras.tf_keras.layers.Add):
    """A sum."""


@_register
class Subtract(_Masked, keras.tf_keras.layers.Subtract):
    """A difference."""


@_register
class Average(_Masked, keras.tf_keras.layers.Average):
    """A mean."""
