"""How many multiply-adds the kernels of a model cost for one example."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels

_UNKNOWN = 32  # stands for a height or width that is not fixed: only ratios matter then


@dataclasses.dataclass(frozen=True)
class Positions:
    """At how many places a layer applies its kernel, over all its uses.

    Attributes:
        inputs: height times width of the input; the product of all inner sizes in general.
        halfway: output height times input width, what a column kernel alone would give.
        outputs: height times width of the output.
    """

    inputs: int
    halfway: int
    outputs: int


def positions(layer: k.Layer) -> Positions:
    """Where a layer of a built model applies its kernel."""
    inputs = halfway = outputs = 0
    for node in layer.inbound_nodes:
        before = _inner(tf.nest.flatten(node.input_tensors)[0].shape)
        after = _inner(tf.nest.flatten(node.output_tensors)[0].shape)
        inputs += math.prod(before)
        outputs += math.prod(after)
        halfway += math.prod((*after[:1], *before[1:]))
    return Positions(inputs, halfway, outputs)


def of(model: k.Model) -> dict[str, int]:
    """Multiply-adds of each layer with a kernel, by name, for a flat tf_keras model."""
    found = {}
    for kernel in kernels.find(model):
        places = positions(model.get_layer(kernel.layer))
        count = places.inputs if kernel.is_transposed else places.outputs
        found[kernel.layer] = int(np.prod(kernel.shape)) * count
    return found


def _inner(shape: Sequence[int | None]) -> tuple[int, ...]:
    """The sizes between batch and channels."""
    return tuple(size or _UNKNOWN for size in tuple(shape)[1:-1])
