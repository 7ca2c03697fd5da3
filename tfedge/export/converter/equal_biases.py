"""Biases that are all the same number: the converter gives them all the first channel's scale.

A head that starts at the odds of a rare class has such a bias, -4 in each channel. With a scale for
each channel in its kernel the file then has -3.5 or -4.6 in the others.
"""

import numpy as np

from tfedge.compress import keras as k


def tell_apart(model: k.Model) -> None:
    """Moves the first of equal biases to the next float: no answer changes, all have their scale.

    Args:
        model: of any Keras; it is edited.
    """
    for layer in model._flatten_layers(include_self=False, recursive=True):
        bias = getattr(layer, "bias", None)
        if bias is None or not hasattr(bias, "assign") or bias.shape.rank != 1:
            continue
        values = np.array(bias, np.float32)
        if len(values) > 1 and values[0] != 0 and np.all(values == values[0]):
            values[0] = np.nextafter(values[0], np.float32(0))
            bias.assign(values)
