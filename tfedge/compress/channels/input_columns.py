"""Reads fewer columns of a flat input than there are, by one operation right after it.

The input keeps its shape: an app that fills all columns goes on working, and the file ignores
those that were found useless. Which they are can be asked of the model.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import operations
from tfedge.errors import BadInput


def select(name: str, tensor: k.Tensor, kept: np.ndarray) -> k.Tensor:
    """These columns of the input `name`, (batch, columns)."""
    return _layer(f"{name}_columns", kept)(tensor)


def kept(layer: k.Layer) -> np.ndarray | None:
    """The columns of the input that a layer made by `select` lets through; None: another layer."""
    if not operations.is_ours(layer) or layer.op != "take" or len(layer.inbound_nodes) != 1:
        return None
    reads = getattr(layer.input, "_keras_history", None)
    if reads is None or type(reads.layer).__name__ != "InputLayer":
        return None
    if layer.name != f"{reads.layer.name}_columns":
        return None
    return np.asarray(layer.arguments[1]["array"])


def fewer(layer: k.Layer, alive: np.ndarray) -> k.Layer:
    """The same layer with only those of its columns; `alive` is (columns it has,) bool."""
    return _layer(layer.name, np.asarray(layer.arguments[1]["array"])[alive])


def makers(model: k.Model) -> set[str]:
    """Names of the inputs, and of the layers that let only some columns of one through."""
    return {*model.input_names, *(each.name for each in model.layers if kept(each) is not None)}


def check(where: str, model: k.Model, free: Iterable[str], kept: Mapping[str, str]) -> None:
    """Refuse where no column of an input could go.

    Args:
        where: said in the refusal.
        model: flat tf_keras model.
        free: layers and inputs whose channels can go.
        kept: layers and inputs whose channels stay, with the reason.

    Raises:
        BadInput: with the reason.
    """
    found = makers(model)
    if found.isdisjoint(free):
        reasons = [why for name, why in kept.items() if name in found]
        raise BadInput(
            f"{where}(inputs=True)",
            f"no column of an input can go: {(*reasons, 'no input is a row of columns')[0]}",
            "Leave inputs out.",
        )


def dropped(model: k.Model) -> dict[str, list[int]]:
    """Input -> its columns that the model does not read."""
    found = {}
    for layer in model.layers:
        columns = kept(layer)
        if columns is not None:
            every = range(layer.input_shape[-1])
            gone = sorted(set(every) - set(columns.tolist()))
            found[layer.input._keras_history.layer.name] = gone
    return found


def _layer(name: str, columns: np.ndarray) -> k.Layer:
    indices = {"array": columns.tolist(), "dtype": "int64"}
    from tfedge.compress.bridge import op_layer

    return op_layer.Op("take", [{"tensor": 0}, indices], {"axis": -1}, name=name)
