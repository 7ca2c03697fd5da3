"""Smaller networks for the same task: built by name, by the user's file, or from the model itself.

Networks come from the entry point group `tfedge.models`, whose members are functions
build(input_shape, classes) that return a Keras model.
"""

import importlib.metadata
import math
from typing import Any

import numpy as np

from tfedge import settings
from tfedge.compress import bridge, channels, folding, graph
from tfedge.compress import keras as k
from tfedge.compress.channels import surgery
from tfedge.compress.graph import residual
from tfedge.compress.keras import tf
from tfedge.compress.teaching import teachers
from tfedge.errors import BadInput

GROUP = "tfedge.models"
_SUFFIXES = (".keras", ".h5", ".hdf5")
_MULTIPLE = 8  # of channels: what kernels for SIMD like


def build(name: str, like: Any, seed: int, where: str) -> k.Model:
    """A network by its name, a file's, or that of "py:FILE:FUNCTION"; new weights by the seed.

    Args:
        name: a member of the entry point group, a Keras model file (see `is_file`), or a
            function without parameters that returns a model of either Keras.
        like: flat tf_keras model whose inputs and outputs it must have.
        seed: of the weights.
        where: for messages.

    Returns:
        A flat tf_keras model with the input and output names of `like`.

    Raises:
        BadInput: no such network, it cannot be built, or it takes or gives something else.
    """
    k.keras3().utils.set_random_seed(seed)
    k.tf_keras.utils.set_random_seed(seed)
    made = teachers.load(name, where) if is_file(name) else _network(name, like, where)
    if not graph.is_functional(made):
        raise BadInput(where, "it is no functional Keras model", "Use the functional API.")
    made = folding.flatten(made)
    teachers.check_fits(made, like, where, "student")
    return _renamed(made, like)


def is_file(name: str) -> bool:
    """Whether a student is in a file: a Keras model, or a function of the user's."""
    return name.startswith("py:") or name.endswith(_SUFFIXES)


def names() -> list[str]:
    """The networks there are."""
    return sorted(_points())


def narrower(model: k.Model, width: float) -> k.Model:
    """The model with this share of the channels of each layer; its outputs stay.

    Widths become multiples of 8. A layer no wider than 8 becomes a multiple of 4, and so on.
    """
    found = channels.analyse(model)
    alive = np.ones(found.count, bool)
    for block in found.blocks:
        alive[block.units[_kept(len(block.units), width) :]] = False
    return surgery.cut(model, found, alive)[0]


def shallower(model: k.Model, depth: float) -> k.Model:
    """The model with this share of its residual branches, what is left of them evenly spread."""
    return residual.without(
        model,
        {
            name
            for number, name in enumerate(residual.branches(model))
            if math.floor((number + 1) * depth) == math.floor(number * depth)
        },
    )


def fresh(model: k.Model, seed: int) -> k.Model:
    """A copy whose trained weights are drawn anew; what was never trained (scales) is kept."""
    k.tf_keras.utils.set_random_seed(seed)
    return graph.rebuild(
        model,
        {
            layer.name: [graph.Replacement(type(layer).from_config(layer.get_config()))]
            for layer in model.layers
            if layer.trainable_weights
        },
    )


def _kept(width: int, share: float) -> int:
    multiple = _MULTIPLE
    while multiple >= width and multiple > 1:
        multiple //= 2
    return min(width, max(1, round(width * share / multiple)) * multiple)


def _network(name: str, like: Any, where: str) -> k.Model:
    points = _points()
    if name not in points:
        known = settings.nearest(name, points)
        remedy = f"{known} Or name a .keras file or py:FILE:FUNCTION."
        raise BadInput(where, "no such network", remedy)
    if len(like.inputs) > 1 or len(like.outputs) > 1:
        raise BadInput(
            where, "it has one input and one output, the model more", "Use py:FILE:FUNCTION."
        )
    shape, classes = tuple(like.inputs[0].shape[1:]), like.outputs[0].shape[-1]
    try:
        made = points[name].load()(shape, classes)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise BadInput(
            where, f"cannot be built for inputs {shape}: {error}", "Use another network."
        ) from error
    return bridge.to_tf_keras(made) if bridge.is_keras3(made) else made


def _points() -> dict[str, importlib.metadata.EntryPoint]:
    """Of every distribution on the path: an old one beside a checkout hides nothing."""
    return {
        point.name: point
        for distribution in importlib.metadata.distributions()
        for point in distribution.entry_points
        if point.group == GROUP
    }


def _renamed(model: k.Model, like: Any) -> k.Model:
    """The model with the names of the other's inputs and outputs, which apps feed and read."""
    inputs = [
        k.tf_keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in zip(like.input_names, like.inputs, strict=True)
    ]
    outputs = tf.nest.flatten(model(inputs if len(inputs) > 1 else inputs[0]))
    made = graph.rebuild(k.tf_keras.Model(inputs, outputs, name=model.name))
    made.output_names = list(like.output_names)
    return made
