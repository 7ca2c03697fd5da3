"""The float .tflite of a Keras model, converted once: that takes seconds, what follows does not."""

import collections
import hashlib
from typing import Any

from tfedge.compress import graph
from tfedge.export import options
from tfedge.export.converter import conversion
from tfedge.export.tree import flatbuffer

_REMEMBERED, _REMEMBERED_BYTES = 2, 1 << 27
_trees: collections.OrderedDict[bytes, Any] = collections.OrderedDict()


def of(model: Any, writer: conversion.Writer, export: options.Export) -> Any:
    """The converter's float32 file as a tree, remembered for models of the same layers and weights.

    Args:
        model: a tf_keras model, or a Keras 3 one, whose files are not remembered.
        writer: of the model.
        export: the route it is for.
    """
    key = _key(model, export)
    if key is None:
        return conversion.convert_to_float(writer, export)
    if key in _trees:
        _trees.move_to_end(key)
    else:
        _trees[key] = conversion.convert_to_float(writer, export)
    tree = flatbuffer.copied(_trees[key])
    while len(_trees) > _REMEMBERED or sum(map(_bytes, _trees.values())) > _REMEMBERED_BYTES:
        _trees.popitem(last=False)
    return tree


def _bytes(tree: Any) -> int:
    return sum(buffer.data.nbytes for buffer in tree.buffers if buffer.data is not None)


def _key(model: Any, export: options.Export) -> bytes | None:
    """Of the configuration and all weights; None of what a configuration does not tell."""
    if not graph.is_functional(model):
        return None
    digest = hashlib.sha256(model.to_json().encode())
    digest.update(str(export.has_float_activations).encode())
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.digest()
