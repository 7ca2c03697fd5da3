"""What Keras 3 lacks of tf_keras, for Keras 3. Imports Keras 3; import it only on the way there.

The layers are those that a composite layer was taken apart into; see `composites`.
"""

from collections.abc import Sequence
from typing import Any

from tfedge.compress import keras

_keras3 = keras.keras3()
_ops = _keras3.ops
_Layer: Any = _keras3.layers.Layer
_register = _keras3.saving.register_keras_serializable("tfedge")


@_register
def hard_sigmoid_line(x):
    """`clip(0.2 x + 0.5, 0, 1)`: what tf_keras means by hard_sigmoid."""
    return _ops.clip(_ops.add(_ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


@_register
class PositionBias(_Layer):
    """As `composites.position_bias`."""

    def __init__(self, axes: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.axes = axes
        self.supports_masking = True

    def build(self, input_shape):
        """The weights."""
        self.bias = self.add_weight(name="bias", shape=tuple(input_shape)[-self.axes :])

    def call(self, inputs):
        """The sum."""
        return inputs + self.bias

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "axes": self.axes}


@_register
class MorePlaces(_Layer):
    """As `composites.position_bias`."""

    def __init__(self, count: int = 1, at_end: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.count, self.at_end = count, at_end

    def build(self, input_shape):
        """The weights."""
        self.places = self.add_weight(name="places", shape=(self.count, input_shape[-1]))

    def call(self, inputs):
        """Both, one behind the other."""
        given = (_ops.shape(inputs)[0], self.count, inputs.shape[-1])
        both = [_ops.broadcast_to(self.places, given), inputs]
        return _ops.concatenate(both[::-1] if self.at_end else both, axis=1)

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "count": self.count, "at_end": self.at_end}


class _Shaped(_Layer):
    def __init__(self, shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "shape": self.shape}


@_register
class Weight(_Shaped):
    """As `composites.weight`."""

    def build(self, input_shape):
        """The weights."""
        self.value = self.add_weight(name="value", shape=self.shape)

    def call(self, inputs):
        """The weights."""
        return _ops.convert_to_tensor(self.value)

    def compute_output_shape(self, input_shape):
        """Of the weights, whatever comes in."""
        return self.shape


@_register
class ZerosFor(_Shaped):
    """As `composites.weight`."""

    def call(self, inputs):
        """Zeros for each example."""
        return _ops.zeros((_ops.shape(inputs)[0], *self.shape), "float32")


@_register
class MaskOf(_Shaped):
    """As `composites.mask_layers`."""

    def __init__(self, shape: Sequence[int] = (-1,), **kwargs: Any):
        super().__init__(shape, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        """The mask; all True where there is none."""
        found = _ops.ones(_ops.shape(inputs)[:2], "bool") if mask is None else mask
        known = [inputs.shape[1] if size == -1 else size for size in self.shape]
        return _ops.reshape(_ops.cast(found, "bool"), (-1, *known))

    def compute_mask(self, inputs, previous_mask=None):
        """None: booleans are not padded."""
        return None


@_register
class WithMaskOf(_Layer):
    """As `composites.mask_layers`."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        """The first."""
        return inputs[0] + 0

    def compute_mask(self, inputs, previous_mask=None):
        """That of the second."""
        return None if previous_mask is None else previous_mask[1]


@_register
class WithMask(WithMaskOf):
    """As `composites.mask_layers`."""

    def compute_mask(self, inputs, previous_mask=None):
        """The second."""
        return _ops.cast(inputs[1], "bool")


@_register
class Unmasked(_Layer):
    """As `composites.mask_layers`."""

    def call(self, inputs):
        """As it is."""
        return inputs + 0
