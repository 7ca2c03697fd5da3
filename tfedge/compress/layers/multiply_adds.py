"""How many multiply-adds a model costs for one example: its kernels, and products of tensors."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels, operations

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
        if kernels.looks_up(node):
            continue
        before = _inner(tf.nest.flatten(node.input_tensors)[0].shape)
        after = _inner(tf.nest.flatten(node.output_tensors)[0].shape)
        inputs += math.prod(before)
        outputs += math.prod(after)
        halfway += math.prod((*after[:1], *before[1:]))
    return Positions(inputs, halfway, outputs)


def of(model: k.Model) -> dict[str, int]:
    """Multiply-adds of each layer with a kernel, and of each product, for a flat tf_keras model."""
    found = {
        layer.name: sum(_PRODUCTS[operations.name(layer)](node) for node in layer.inbound_nodes)
        for layer in model.layers
        if operations.name(layer) in _PRODUCTS
    }
    for kernel in kernels.find(model):
        places = positions(model.get_layer(kernel.layer))
        count = places.inputs if kernel.is_transposed else places.outputs
        found[kernel.layer] = int(np.prod(kernel.shape)) * count
    return found


def _product(node: Any) -> int:
    """Of two tensors, such as queries and keys; one with a constant counts alike."""
    tensors = tf.nest.flatten(node.input_tensors)
    summed = tensors[0].shape[-1] or _UNKNOWN
    made = tuple(tf.nest.flatten(node.output_tensors)[0].shape)[1:]
    return summed * math.prod(size or _UNKNOWN for size in made)


def _equation(node: Any) -> int:
    """Of an equation: all that it makes, as often as there are terms in a sum."""
    tensors = tf.nest.flatten(node.input_tensors)
    read, made = node.layer.settings["subscripts"].replace(" ", "").split("->")
    arguments = node.layer.arguments or [{"tensor": number} for number in range(len(tensors))]
    sizes: dict[str, int] = {}
    for letters, given in zip(read.split(","), arguments, strict=True):
        tensor = tensors[given["tensor"]] if "tensor" in given else np.asarray(given["array"])
        # Behind an ellipsis axes are counted from the end.
        before, _, behind = letters.partition("...")
        named = dict(zip(before, tensor.shape, strict=False))
        named |= dict(zip(behind[::-1], tuple(tensor.shape)[::-1], strict=False))
        sizes |= {letter: size or _UNKNOWN for letter, size in named.items()}
    terms = math.prod(size for letter, size in sizes.items() if letter not in made)
    outputs = tuple(tf.nest.flatten(node.output_tensors)[0].shape)[1:]
    return terms * math.prod(size or _UNKNOWN for size in outputs)


_PRODUCTS = {"matmul": _product, "einsum": _equation}


def _inner(shape: Sequence[int | None]) -> tuple[int, ...]:
    """The sizes between batch and channels."""
    return tuple(size or _UNKNOWN for size in tuple(shape)[1:-1])
