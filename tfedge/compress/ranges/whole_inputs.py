"""Inputs of a whole-number type that hold numbers, such as pixels, and not ids.

A model may take its pixels as uint8 and turn them into floats itself. What is converted takes them
as floats: an input has a scale then, and LiteRT has few operators that read bytes without one.
"""

from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.layers import facts, operations

_COMPUTE = ("cast", "divide", "true_divide", "multiply", "subtract", "add")  # of keras.ops


def find(model: k.Model) -> dict[str, str]:
    """Input -> its type, such as "uint8", of inputs whose whole numbers become floats as they are.

    Args:
        model: a tf_keras model; one without a graph of layers has none.
    """
    if not graph.is_functional(model) or all(t.dtype.is_floating for t in model.inputs):
        return {}
    flat = graph.rebuild(model)
    readers = graph.consumers(flat)
    return {
        name: tensor.dtype.name
        for name, tensor in zip(flat.input_names, flat.inputs, strict=True)
        if (tensor.dtype.is_integer or tensor.dtype.is_bool) and _become_floats(name, readers)
    }


def as_floats(model: k.Model) -> k.Model:
    """The model with those inputs in float32; it computes the same, whatever whole number comes."""
    found = find(model)
    return graph.rebuild(model, input_types=dict.fromkeys(found, "float32")) if found else model


def _become_floats(name: str, readers: dict[str, list[Any]]) -> bool:
    """Whether all that reads a layer takes whole numbers for what they are, and makes floats."""
    return bool(readers[name]) and all(
        _become_floats(layer.name, readers)
        if facts.of(layer).moves or facts.of(layer).pads
        else _takes_numbers(layer)
        for layer in readers[name]
    )


def _takes_numbers(layer: k.Layer) -> bool:
    if operations.is_ours(layer):
        return layer.op in _COMPUTE and layer.output.dtype.is_floating
    return facts.of(layer).takes_numbers
