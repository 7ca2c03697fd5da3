"""BatchNormalization's averages, set to what the layers see now where they lag behind.

A moving average forgets 1 % a step: after a short or fast training it still holds what the layers
saw long before, and a network that learned well answers by chance outside of training. The
averages are measured anew with the weights fixed ("precise BatchNorm", Wu & Johnson 2021,
arXiv:2105.07576). Where they have converged, nothing is changed.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress import keras as k
from tfedge.compress.keras import tf

EXAMPLES = 2048  # that are looked at
_FAR = 0.2  # standard deviations, or the logarithm of a ratio of variances


def some(order: np.ndarray, size: int) -> np.ndarray:
    """As much of an epoch's order as the averages are measured on: full batches of `size`."""
    return order[: max(1, EXAMPLES // size) * size]


class Settler:
    """Measures the averages of one model as often as it is asked to.

    Frozen layers, and those whose momentum of 1 keeps their averages, are left alone.
    """

    def __init__(self, model: k.Model):
        """Find the layers; the model is Keras 3's or tf_keras'."""
        self._layers = [layer for layer in model._flatten_layers() if _moves(layer)]
        self._run: Callable[[Any], Any] = tf.function(
            lambda x: model(x, training=True), reduce_retracing=True
        )

    def __bool__(self) -> bool:
        """Whether there is anything to measure."""
        return bool(self._layers)

    def settle(self, inputs: Iterable[Any]) -> bool:
        """Replace the averages if they lag behind.

        Args:
            inputs: batches as the model is called on.

        Returns:
            Whether they did.
        """
        before = [_averages(layer) for layer in self._layers]
        found = _pooled([self._seen(x) for x in inputs])
        furthest = max(_distance(old, new) for old, new in zip(before, found, strict=True))
        lag = furthest > _FAR
        for layer, values in zip(self._layers, found if lag else before, strict=True):
            _assign(layer, *values)
        if lag:
            logging.info("the averages of BatchNormalization lagged behind: measured anew")
        return lag

    def _seen(self, x: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """(mean, variance) of one batch in each layer.

        From averages of 0 a step leads to (1 - momentum) times what the batch has.
        """
        for layer in self._layers:
            _assign(layer, *(np.zeros_like(each) for each in _averages(layer)))
        self._run(x)
        return [
            (mean / (1 - layer.momentum), variance / (1 - layer.momentum))
            for layer in self._layers
            for mean, variance in [_averages(layer)]
        ]


def _moves(layer: k.Layer) -> bool:
    is_plain = type(layer).__name__ == "BatchNormalization" and not getattr(layer, "renorm", False)
    return is_plain and layer.trainable and layer.momentum < 1


def _averages(layer: k.Layer) -> tuple[np.ndarray, np.ndarray]:
    return np.array(layer.moving_mean), np.array(layer.moving_variance)


def _assign(layer: k.Layer, mean: np.ndarray, variance: np.ndarray) -> None:
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)


def _pooled(
    batches: list[list[tuple[np.ndarray, np.ndarray]]],
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(mean, variance) of all batches together: variances within and between them add up."""
    found = []
    for layer in zip(*batches, strict=True):
        means, variances = (np.stack(each) for each in zip(*layer, strict=True))
        found.append((means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0)))
    return found


def _distance(old: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray]) -> float:
    """How far apart the averages of a layer are, the mean of its channels."""
    (old_mean, old_variance), (mean, variance) = old, new
    smallest = 1e-5 * (float(variance.max()) + 1e-12)  # a channel that is always 0 has no scale
    old_variance, variance = np.maximum(old_variance, smallest), np.maximum(variance, smallest)
    moved = np.abs(old_mean - mean) / np.sqrt(variance)
    return float(max(moved.mean(), np.abs(np.log(variance / old_variance)).mean()))
