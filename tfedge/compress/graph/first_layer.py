"""What a model's first layers tell of the numbers it was trained on: their range, their moments.

Plain numbers come out, for `data.seen_scale` to compare with a task: data of another scale is
the commonest reason why a model that was good yesterday knows nothing today.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfedge.compress.graph import model_ends
from tfedge.data.hygiene import seen_scale


def trained_range(model: Any) -> tuple[float, float] | None:
    """The range of inputs that a Rescaling behind the only input was made for; see `seen_scale`.

    Args:
        model: a functional Keras 3 or tf_keras model.
    """
    found = [layer for _, layer in _behind_inputs(model) if type(layer).__name__ == "Rescaling"]
    if len(found) != 1 or len(model.inputs) != 1:
        return None
    scale, offset = np.asarray(found[0].scale), np.asarray(found[0].offset)
    if scale.size != 1 or offset.size != 1:
        return None  # of single channels
    return seen_scale.trained_range(float(scale.item()), float(offset.item()))


def moments(model: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(input, means, variances), each (channels,), of layers that normalize an input as it comes.

    Args:
        model: a functional Keras 3 or tf_keras model.
    """
    for name, layer in _behind_inputs(model):
        kind = type(layer).__name__
        if kind == "BatchNormalization" and _axis(layer) == len(layer.input.shape) - 1:
            yield name, np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        elif kind == "Normalization" and getattr(layer, "mean", None) is not None:
            means, variances = np.asarray(layer.mean), np.asarray(layer.variance)
            if not getattr(layer, "invert", False):
                yield name, means.ravel(), variances.ravel()


def _axis(layer: Any) -> int:
    """Keras 3 keeps a number, tf_keras a list of one; negative ones count from the end."""
    axis = int(np.ravel(layer.axis)[0])
    return axis if axis >= 0 else len(layer.input.shape) + axis


def _behind_inputs(model: Any) -> Iterator[tuple[str, Any]]:
    """(name of the input, layer) of the layers that read an input of the model, and only that."""
    names = {
        id(t): name for name, t in zip(model_ends.input_names(model), model.inputs, strict=True)
    }
    for layer in model.layers:
        if type(layer).__name__ in ("Rescaling", "BatchNormalization", "Normalization"):
            try:
                tensor = layer.input
            except AttributeError:  # called in several places
                continue
            if id(tensor) in names:
                yield names[id(tensor)], layer
