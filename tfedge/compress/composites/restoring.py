"""Puts back together what was taken apart: the layers that a user knows.

A layer comes back where its parts are those that it would be taken apart into again; where a pass
has made others of them, they stay as they are and compute the same.
"""

import json

from tfedge.compress import folding, graph
from tfedge.compress import keras as k
from tfedge.compress.composites import whole_attention, whole_einsum
from tfedge.compress.keras import tf

# Settings that change no output; how a training draws its random numbers is one of them.
_FREE = ("trainable", "dtype", "batch_input_shape", "name", "rng_type")


def restored(model: k.Model) -> k.Model:
    """The model with its composite layers; `model` itself where it has none.

    Args:
        model: flat tf_keras model.
    """
    model = whole_attention.with_biases(model)
    expected = _signature(model)
    names = {*whole_attention.names(model), *whole_einsum.names(model)}
    while names:
        made = {**whole_attention.made(model, names), **whole_einsum.made(model, names)}
        found = graph.rebuild(model, made)
        other = {layer for layer, _ in expected ^ _signature(folding.flatten(found))}
        if not other:
            return found
        wrong = {name for name in names if any(f"{each}.".startswith(f"{name}.") for each in other)}
        names = names - wrong if wrong else set()
    return model


def _signature(model: k.Model) -> frozenset[tuple[str, str]]:
    """(layer, what it is and reads) of all uses of layers."""
    found = set()
    for node in graph.nodes(model):
        read = [tensor._keras_history.layer.name for tensor in tf.nest.flatten(node.keras_inputs)]
        layer = node.layer
        settings = {
            key: value
            for key, value in layer.get_config().items()
            if key not in _FREE and not key.endswith("_initializer")
        }
        if layer.name.endswith("_masked"):  # how far a mask is from the scores is no matter
            settings["arguments"] = settings["arguments"][:-1]
        text = json.dumps([type(layer).__name__, settings, read], default=str, sort_keys=True)
        found.add((layer.name, text))
    for number, tensor in enumerate(model.outputs):
        found.add((tensor._keras_history.layer.name, f"output {number}"))
    return frozenset(found)
