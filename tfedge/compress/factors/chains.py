"""One layer written as a chain of layers with smaller kernels.

Stride, padding and dilation go with the window, so that a chain of full rank computes what the
layer did. The last layer of a chain keeps the name, the bias and the activation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import factors, graph
from tfedge.compress import keras as k
from tfedge.compress.factors.ranks import Option

_STAGES = {2: ("reduce",), 3: ("reduce", "window")}  # suffixes of all names but the last


def split(model: k.Model, chosen: Mapping[str, Option]) -> tuple[Any, dict[str, float]]:
    """Put chains in the place of layers.

    Args:
        model: flat tf_keras model.
        chosen: layer -> how its kernel is written.

    Returns:
        A new model, and for each layer how far the product is from its kernel (relative).
    """
    taken = {layer.name for layer in model.layers}
    replace, errors = {}, {}
    for name, option in chosen.items():
        layer = model.get_layer(name)
        kernel = layer.get_weights()[0]
        parts = option.way.factors(kernel, option.ranks)
        names = [_free(f"{name}_{stage}", taken) for stage in _STAGES[len(parts)]]
        replace[name] = chain(layer, parts, names)
        errors[name] = factors.error(kernel, option.way.product(parts))
    return (graph.rebuild(model, replace) if replace else model), errors


def chain(
    layer: k.Layer, parts: Sequence[np.ndarray], names: Sequence[str]
) -> list[graph.Replacement]:
    """Layers to stand in the place of one.

    Args:
        layer: a built Dense, Conv1D or Conv2D of one group.
        parts: the kernels, first to last, in Keras' shape.
        names: of all layers but the last, which keeps the name of `layer`.

    Returns:
        The layers with their weights.
    """
    config = layer.get_config()
    made = []
    for number, kernel in enumerate(parts):
        geometry = {} if kernel.ndim == 2 else _geometry(config, number, parts)
        size = {"units" if kernel.ndim == 2 else "filters": kernel.shape[-1]}
        if number + 1 < len(parts):
            fresh = {"use_bias": False, "trainable": layer.trainable, "name": names[number]}
            made.append(
                graph.Replacement(_layer_class(layer)(**size, **geometry, **fresh), [kernel])
            )
        else:
            # A penalty or constraint on a kernel is none on its factors.
            own = {**config, "kernel_regularizer": None, "kernel_constraint": None}
            last = _layer_class(layer).from_config({**own, **size, **geometry})
            made.append(graph.Replacement(last, [kernel, *layer.get_weights()[1:]]))
    return made


def _layer_class(layer: k.Layer) -> Any:
    return getattr(k.tf_keras.layers, type(layer).__name__)


def _geometry(config: dict[str, Any], stage: int, parts: Sequence[np.ndarray]) -> dict[str, Any]:
    """Kernel size of a stage, and the stride and dilation of the axes whose window it has.

    An axis on which no stage has a window (a strided 1x1 convolution) belongs to the first.
    """
    window = parts[stage].shape[:-2]
    owners = [
        int(np.argmax([kernel.shape[axis] for kernel in parts])) for axis in range(len(window))
    ]
    own = {
        key: tuple(
            value if owner == stage else 1 for value, owner in zip(config[key], owners, strict=True)
        )
        for key in ("strides", "dilation_rate")
    }
    same = {key: config[key] for key in ("padding", "data_format")}
    return {"kernel_size": window, **own, **same}


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered if there is such a layer (of an earlier split)."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free
