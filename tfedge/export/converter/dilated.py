"""Dilated convolutions, each written as the one operator that LiteRT has for it.

TensorFlow writes one as a convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, out of
which the converter makes one operator again, unless two convolutions read the same input, as the
gates of a WaveNet do: they share the first of these, stay as they are, and lose their ranges.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from tfedge.compress.keras import tf
from tfedge.compress.layers import facts

_OPERATIONS = {1: tf.nn.conv1d, 2: tf.nn.conv2d}


@contextlib.contextmanager
def as_one_operator(model: Any) -> Iterator[None]:
    """While it lasts, what is traced of a tf_keras model has dilated convolutions in one piece.

    Only for what is not trained: on a CPU such an operator has no gradient.
    """
    changed = [
        layer
        for layer in model._flatten_layers(include_self=False, recursive=True)
        if _is_dilated(layer)
    ]
    for layer in changed:
        layer.convolution_op = functools.partial(_convolve, layer)
    try:
        yield
    finally:
        for layer in changed:
            del layer.convolution_op


def _is_dilated(layer: Any) -> bool:
    kernel = facts.of(layer).kernel
    is_one = kernel is not None and kernel.is_window and layer.rank in _OPERATIONS
    return is_one and layer.groups == 1 and max(layer.dilation_rate) > 1


def _convolve(layer: Any, inputs: Any, kernel: Any) -> Any:
    padding = "VALID" if layer.padding == "causal" else layer.padding.upper()
    return _OPERATIONS[layer.rank](
        inputs,
        kernel,
        list(layer.strides),
        padding,
        data_format=layer._tf_data_format,
        dilations=list(layer.dilation_rate),
    )
