"""What a model's first layers tell of the numbers it was trained on: their range, their moments.

Plain numbers come out, for `data.seen_scale` to compare with a task: data of another scale is
the commonest reason why a model that was good yesterday knows nothing today.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.graph import model_ends
from tfedge.compress.layers import facts
from tfedge.data.matching import seen_scale


def trained_range(model: k.Model) -> tuple[float, float] | None:
    """The range of inputs that a Rescaling behind the only input was made for; see `seen_scale`.

    Args:
        model: a functional Keras 3 or tf_keras model.
    """
    found = [layer for _, layer in _behind_inputs(model) if facts.of(layer).moments is None]
    if len(found) != 1 or len(model.inputs) != 1:
        return None
    scale, offset = np.asarray(found[0].scale), np.asarray(found[0].offset)
    if scale.size != 1 or offset.size != 1:
        return None  # of single channels
    return seen_scale.trained_range(float(scale.item()), float(offset.item()))


def moments(model: k.Model) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(input, means, variances), each (channels,), of layers that normalize an input as it comes.

    Args:
        model: a functional Keras 3 or tf_keras model.
    """
    for name, layer in _behind_inputs(model):
        measured = facts.of(layer).moments
        found = measured(layer) if measured is not None else None
        if found is not None:
            yield name, *found


def _behind_inputs(model: k.Model) -> Iterator[tuple[str, Any]]:
    """(name of the input, layer) of what scales an input of the model, and reads only that."""
    for name, layer in _reading_inputs(model):
        if facts.of(layer).affine is not None:
            yield name, layer


def _reading_inputs(model: k.Model) -> Iterator[tuple[str, Any]]:
    """(name of the input, layer) of layers that read an input of the model, and only that."""
    names = {
        id(t): name for name, t in zip(model_ends.input_names(model), model.inputs, strict=True)
    }
    for layer in model.layers:
        try:
            tensor = layer.input
        except AttributeError:  # called in several places
            continue
        if id(tensor) in names:
            yield names[id(tensor)], layer
