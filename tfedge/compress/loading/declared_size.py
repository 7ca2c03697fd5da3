"""What a description of a model may ask for, against what its file can justify.

A few bytes of JSON declare a layer of millions of units or thousands of layers. So the weights
that are made while a model is built may not outgrow the arrays stored beside the description, and
layers are counted, as often as they are called, before any is built.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge.compress.keras import tf
from tfedge.errors import BadInput

# NASNetLarge, the largest network that Keras brings, has 1,039 layers.
_MOST_CALLS = 2000
# Quantized and shared weights may be stored in fewer values than are built.
_MOST_TIMES, _FREE_VALUES = 2, 1 << 22
_AGAIN = "Save the whole model again with Keras."
_REBUILDS = 20  # of a layer in a Sequential model, which take as long as a layer in another
_NODES, _INPUTS, _LAYERS = "inbound_nodes", "input_layers", ("layers", "cells")


def check_layers(config: Any, where: str) -> None:
    """Counts the layers of a model, as often as they are called; builds nothing.

    Args:
        config: parsed JSON, of any shape.
        where: the file, for the message.

    Raises:
        BadInput: more than any network has.
    """
    calls = min(_calls(config), 10**9)
    if calls > _MOST_CALLS:
        raise BadInput(
            where,
            f"its layers take the time of {calls:,} to build, more than {_MOST_CALLS:,}",
            "Save it as a functional model of fewer layers.",
        )


@contextlib.contextmanager
def no_more_than(stored: int, where: str) -> Iterator[None]:
    """While this is open, variables may not have more values than a file justifies.

    Args:
        stored: values of all arrays in the file.
        where: the file, for the message.

    Raises:
        BadInput: before the variable that would be too much is allocated.
    """
    most, made = _MOST_TIMES * stored + _FREE_VALUES, 0
    scratch = tf.Graph()

    def create(next_creator: Any, **given: Any) -> Any:
        nonlocal made
        made += _values(given, scratch)
        if made > most:
            raise BadInput(
                where,
                f"its layers declare {made:,} weights or more, {stored:,} are stored in it",
                _AGAIN,
            )
        return next_creator(**given)

    with tf.variable_creator_scope(create):
        yield


def _values(given: Mapping[str, Any], scratch: "tf.Graph") -> int:
    """Values of a variable to be; where it does not tell its shape, its graph does, unallocated."""
    shape, initial = given.get("shape"), given.get("initial_value")
    if shape is None and callable(initial):
        with scratch.as_default():
            shape = tf.convert_to_tensor(initial()).shape
    if shape is None:
        return 0  # it is a tensor that is there already
    return math.prod(tf.TensorShape(shape).as_list())


def _calls(config: Any) -> int:
    """How many layers run in one inference, of a model or of whatever holds models."""
    if isinstance(config, list):
        return sum(_calls(each) for each in config)
    if not isinstance(config, Mapping):
        return 0
    return sum(
        _calls_in_model(value, is_sequential=_INPUTS not in config)
        if name in _LAYERS and isinstance(value, list)
        else _calls(value)
        for name, value in config.items()
    )


def _calls_in_model(layers: list[Any], is_sequential: bool) -> int:
    """Keras 3 builds a Sequential model anew with each layer that it adds, from the first one."""
    once = sum(_times(each) * max(1, _calls(each)) for each in layers)
    return once + (len(layers) * once // _REBUILDS if is_sequential else 0)


def _times(layer: Any) -> int:
    """How often a layer is called: its weights are stored once, its work is done each time."""
    nodes = layer.get(_NODES) if isinstance(layer, Mapping) else None
    return max(1, len(nodes)) if isinstance(nodes, list) else 1
