"""Normalization of each example by operators that LiteRT has on integers.

(x - mean) * rsqrt(mean((x - mean)^2) + epsilon) * gamma + beta: each step is a layer of its own, so
that fake quantization can stand behind it. What is multiplied last are the gains: between them and
the root stand values of one deviation, which a single scale serves.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer
from tfedge.compress.composites import mask_layers
from tfedge.compress.keras import tf

_STEPS = {"multiply": "scaled", "add": "moved"}  # what a gain does -> the part that does it


class Parts:
    """Stands in the place of a layer: it is called as that one is, and then takes its weights.

    Args:
        name: of the layer; the last part has it, the others have it before a dot.
        epsilon: is added to the mean of the squares.
        is_centered: whether the mean is taken off.
        gains: what each of its weights does to the channels, "multiply" or "add".
    """

    def __init__(self, name: str, epsilon: float, is_centered: bool, gains: Sequence[str]):
        self._name, self._epsilon, self._is_centered = name, float(epsilon), is_centered
        self._does, self._calls = tuple(gains), 0
        self._gains = Gains(len(gains), name=gains_of(name)) if gains else None

    def __call__(self, x: Any) -> Any:
        """(..., channels) -> the same shape, with the mask of what comes in."""
        self._calls += 1
        has_mask = getattr(x, "_keras_mask", None) is not None
        value, inverse = self._moments(x)
        gains = tf.nest.flatten(self._gains(x)) if self._gains is not None else []
        steps = [("multiply", "normalized", inverse)]
        steps += [(op, _STEPS[op], gain) for op, gain in zip(self._does, gains, strict=True)]
        for number, (op, part, factor) in enumerate(steps, 1):
            is_last = number == len(steps) and not has_mask
            value = self._layer(op_layer.Op, "" if is_last else part, op)([value, factor])
        return self._layer(mask_layers.WithMaskOf, "")([value, x]) if has_mask else value

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Those of the layer, in its order."""
        if self._gains is not None:
            self._gains.set_weights(weights)

    def _moments(self, x: Any) -> tuple[Any, Any]:
        """What comes in around its mean, and one over its deviation."""
        read, value = x, x
        if self._is_centered:
            read = [x, self._mean("mean", x)]
            value = self._layer(op_layer.Op, "centered", "subtract")(read)
        squares = self._layer(SquaredDifference, "squares")(read)
        mean = self._mean("mean_of_squares", squares)
        arguments = [{"tensor": 0}, self._epsilon]
        shifted = self._layer(op_layer.Op, "variance", "add", arguments)(mean)
        return value, self._layer(InverseRoot, "inverse", self._epsilon)(shifted)

    def _mean(self, part: str, x: Any) -> Any:
        settings = {"axis": -1, "keepdims": True}
        return self._layer(op_layer.Op, part, "mean", [{"tensor": 0}], settings)(x)

    def _layer(self, kind: Any, part: str, *args: Any) -> Any:
        """One that is named for its part; those of later calls are numbered."""
        if self._calls > 1:
            part = f"{part or 'again'}_{self._calls - 1}"
        return kind(*args, name=f"{self._name}.{part}" if part else self._name)


def gains_of(name: str) -> str:
    """What the part is called that has the weights of a layer."""
    return f"{name}.gains"


def roots(model: k.Model) -> dict[str, str]:
    """The inverse roots of a flat model -> the part that makes the variance each reads."""
    return {
        layer.name: layer.input._keras_history.layer.name
        for layer in model.layers
        if isinstance(layer, InverseRoot)
    }


@k.tf_keras.saving.register_keras_serializable("tfedge")
class Gains(k.tf_keras.layers.Layer):
    """(..., channels) -> weights of (channels,), whatever is in it; they have no batch.

    Args:
        count: how many.
    """

    def __init__(self, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        """The weights."""
        shape = tuple(input_shape)[-1:]
        self.values = [self.add_weight(f"gain_{n}", shape=shape) for n in range(self.count)]
        super().build(input_shape)

    def call(self, inputs):
        """The weights."""
        return [tf.identity(value) for value in self.values]

    def compute_mask(self, inputs, mask=None):
        """None of them has one."""
        return [None] * self.count

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "count": self.count}


@k.tf_keras.saving.register_keras_serializable("tfedge")
class SquaredDifference(k.tf_keras.layers.Layer):
    """[x, y] -> (x - y)^2, and x -> x^2: LiteRT's SQUARE is float alone, this operator is not."""

    def call(self, inputs):
        """As it is said."""
        x, y = inputs if isinstance(inputs, list | tuple) else (inputs, 0.0)
        return tf.math.squared_difference(x, y)


@k.tf_keras.saving.register_keras_serializable("tfedge")
class InverseRoot(k.tf_keras.layers.Layer):
    """x -> 1 / sqrt(x), of a variance that may have been rounded to 0.

    The file gives the largest integer for it. Training takes the smallest variance of the batch
    that is not 0 in its place, so that ranges and gradients stay numbers.

    Args:
        epsilon: the smallest x where nothing is rounded.
    """

    def __init__(self, epsilon: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, inputs, training=None):
        """As it is said."""
        if training:
            some = tf.where(inputs > 0, inputs, tf.reduce_max(inputs))
            least = tf.maximum(tf.reduce_min(some), self.epsilon)
            inputs = tf.maximum(inputs, tf.stop_gradient(least))
        return tf.math.rsqrt(inputs)

    def get_config(self):
        """Enough to make the layer again."""
        return {**super().get_config(), "epsilon": self.epsilon}
