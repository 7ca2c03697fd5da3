"""EinsumDense: a matrix at every position, where its equation says no more than that.

Then it is Dense between two Reshapes, with a `PositionBias` behind it where the bias differs by
position. Other equations stay as they are, without techniques.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts

_ALIKE = ("kernel_regularizer", "bias_regularizer", "dtype", "trainable")


@dataclasses.dataclass(frozen=True)
class _Matrix:
    """What "abcd,cdef->abef" says: the last axes are summed over, and others stand in their place.

    Attributes:
        lead: sizes of the axes between batch and those, -1 where it is not known.
        summed: sizes of the axes that are summed over.
        made: sizes of those that are new.
        order: the axes of the kernel, those that are summed over first.
    """

    lead: tuple[int, ...]
    summed: tuple[int, ...]
    made: tuple[int, ...]
    order: tuple[int, ...]


def _matrix(layer: k.Layer) -> _Matrix | None:
    """None where the equation is another, or two sizes are unknown."""
    read, rest = layer.equation.replace(" ", "").replace("...", "0").split(",")
    kernel, made = rest.split("->")
    lead = [letter for letter in read if letter not in kernel]
    summed = [letter for letter in read if letter in kernel]
    new = [letter for letter in made if letter not in read]
    forms = ([*lead, *summed], sorted([*summed, *new]), [*lead, *new])
    if [list(read), sorted(kernel), list(made)] != [*forms] or not (lead and summed and new):
        return None
    shapes = {
        tuple(size or -1 for size in tensor.shape[1 : len(tensor.shape) - len(summed)])
        for node in layer.inbound_nodes
        for tensor in tf.nest.flatten(node.keras_inputs)
    }
    if len(shapes) != 1:
        return None
    order = tuple(kernel.index(letter) for letter in (*summed, *new))
    sizes = tuple(layer.kernel.shape[axis] for axis in order)
    found = _Matrix(shapes.pop(), sizes[: len(summed)], sizes[len(summed) :], order)
    return None if found.lead.count(-1) > 1 else found


def _plain(layer: k.Layer) -> list[tuple[Any, Sequence[np.ndarray]]]:
    matrix = _matrix(layer)
    if matrix is None:
        return []
    layers, config = k.tf_keras.layers, layer.get_config()
    kernel, *bias = layer.get_weights()
    wide = math.prod(matrix.made)
    by_place = bool(bias) and bias[0].ndim > len(matrix.made)
    weights: list[np.ndarray] = [np.transpose(kernel, matrix.order).reshape(-1, wide)]
    if bias and not by_place:
        weights.append(np.broadcast_to(bias[0], matrix.made).reshape(-1))
    settings = {name: config[name] for name in _ALIKE}
    is_last = len(matrix.made) == 1 and not by_place
    settings["activation"] = config["activation"] if is_last else None
    dense = layers.Dense(wide, use_bias=len(weights) > 1, name=layer.name, **settings)
    steps: list[tuple[Any, Sequence[np.ndarray]]] = [(dense, weights)]
    if len(matrix.summed) > 1:
        shape = (*matrix.lead, math.prod(matrix.summed))
        steps.insert(0, (layers.Reshape(shape, name=f"{layer.name}.read"), ()))
    if len(matrix.made) > 1:
        shape = (*matrix.lead, *matrix.made)
        steps.append((layers.Reshape(shape, name=f"{layer.name}.made"), ()))
    if by_place:
        steps.append(_bias_by_place(bias[0], (*matrix.lead, *matrix.made), f"{layer.name}.bias"))
    if not is_last and config["activation"] != "linear":
        activation = layers.Activation(config["activation"], name=f"{layer.name}.activation")
        steps.append((activation, ()))
    return steps


def _bias_by_place(
    bias: np.ndarray, shape: Sequence[int], name: str
) -> tuple[Any, Sequence[np.ndarray]]:
    from tfedge.compress.composites import position_bias  # it needs TensorFlow, facts do not

    whole = np.broadcast_to(bias, shape[-bias.ndim :])
    return position_bias.PositionBias(bias.ndim, name=name), [whole]


LAYERS = {"EinsumDense": facts.Layer(plain=_plain, has_int8=True)}
