"""Inputs whose columns are too different for the one scale that an int8 tensor has.

An age beside an income is rounded to nothing. Where the model normalizes such an input, that is
done in float, and what comes out becomes int8.
"""

from typing import Any

import numpy as np

from tfedge.compress import graph

_FEWEST_STEPS = 8  # of the scale in a standard deviation: fewer are worse than noise of 4 %
_STEPS = 255
_REACH = 3.0  # standard deviations on both sides of the mean that a range holds


def find(model: Any) -> dict[str, str]:
    """Input -> the Normalization that alone reads it, in a flat tf_keras model."""
    readers = graph.consumers(model)
    found = {}
    for name in model.input_names:
        layers = readers[name]
        if len(layers) == 1 and type(layers[0]).__name__ == "Normalization":
            layer = layers[0]
            if not layer.invert and _is_uneven(np.ravel(layer.mean), np.ravel(layer.variance)):
                found[name] = layer.name
    return found


def _is_uneven(means: np.ndarray, variances: np.ndarray) -> bool:
    """Whether one range leaves a column too few steps; constant columns need none."""
    spread = np.sqrt(variances[variances > 0])
    if not spread.size:
        return False
    low = min(0.0, (means[variances > 0] - _REACH * spread).min())
    high = max(0.0, (means[variances > 0] + _REACH * spread).max())
    return bool(spread.min() * _STEPS < _FEWEST_STEPS * (high - low))
