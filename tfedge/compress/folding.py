"""Brings a model into the plain form that compression works on.

`flatten` dissolves nested models, separable convolutions and dense layers that are called step by
step; `fold` merges BatchNormalization into the convolution or dense layer before it, or into the
dense layer behind it, as the converter does, so that the kernel one trains is the kernel one
ships (Jacob et al. 2018, arXiv:1712.05877, section 3.2).
"""

from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.graph import idle_biases, scaled_norms
from tfedge.compress.layers import facts, functions, kernels
from tfedge.compress.ranges import id_inputs, uneven_inputs

_DEPTHWISE = {3: "DepthwiseConv1D", 4: "DepthwiseConv2D"}  # rank of what it reads -> class


def flatten(model: k.Model) -> k.Model:
    """A flat copy: no nested models; separable convolutions as depthwise, then pointwise.

    TimeDistributed(Dense) is Dense, which treats each step alike by itself. Ids that come in as
    floats become integers right away.
    """
    flat = graph.rebuild(model)
    replace = {}
    for layer in flat.layers:
        steps = facts.of(layer).plain(layer)
        if steps:
            replace[layer.name] = [graph.Replacement(*step) for step in steps]
    return id_inputs.apart(graph.rebuild(flat, replace) if replace else flat)


def fold(model: k.Model) -> tuple[Any, tuple[str, ...]]:
    """Merge every BatchNormalization that directly follows its only source.

    Those that are left and that only a dense layer reads are merged into that one; of other
    normalizations that dense layers alone read the offset is, and attention loses its idle biases.

    Args:
        model: flat tf_keras model.

    Returns:
        A new model with the same outputs (to float rounding), and the names of the
        BatchNormalization layers that are gone.
    """
    readers = graph.consumers(model)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    replace: dict[str, list[graph.Replacement]] = {}
    folded = []
    for layer in model.layers:
        norm = readers[layer.name][0] if len(readers[layer.name]) == 1 else None
        if (
            norm is None
            or layer.name in outputs
            or facts.of(norm).folds is None
            or not facts.of(layer).is_compressed
            or functions.name(layer) != "linear"
            or len(norm.inbound_nodes) != 1
            or len(layer.inbound_nodes) != 1
            or tuple(norm.axis) != (len(norm.input_shape) - 1,)
        ):
            continue
        replace[layer.name] = [_with_norm(layer, norm)]
        # An output keeps its name, which is that of its layer.
        identity = graph.Replacement(k.tf_keras.layers.Activation("linear", name=norm.name))
        replace[norm.name] = [identity] if norm.name in outputs else []
        folded.append(norm.name)
    model = graph.rebuild(model, replace) if folded else model
    model, ahead = _fold_ahead(model)
    model, _ = idle_biases.absorb(_fold_offsets(model))
    return model, (*folded, *ahead)


def _fold_ahead(model: k.Model) -> tuple[Any, tuple[str, ...]]:
    """Merge each BatchNormalization into the dense layer that alone reads it.

    The converter would, after the kernel was trained. One that brings uneven inputs to one scale
    stays, to do so in float.
    """
    readers = graph.consumers(model)
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    in_float = uneven_inputs.find(model).prefix.layers
    replace: dict[str, list[graph.Replacement]] = {}
    folded = []
    for norm in model.layers:
        if facts.of(norm).folds is None or norm.name in {*outputs, *in_float}:
            continue
        layer, between = _only_reader(norm, readers)
        if (
            not _is_matrix(layer)
            or outputs & between
            or len(norm.inbound_nodes) != 1
            or len(layer.inbound_nodes) != 1
            or tuple(norm.axis) != (len(norm.input_shape) - 1,)
        ):
            continue
        replace |= {norm.name: [], layer.name: [_behind_map(layer, *_affine(norm))]}
        folded.append(norm.name)
    return (graph.rebuild(model, replace) if folded else model), tuple(folded)


def _fold_offsets(model: k.Model) -> Any:
    """Add what dense layers make of the offset of a normalization to their own."""
    replace: dict[str, list[graph.Replacement]] = {}
    for norm in scaled_norms.find(model)[0]:
        layer = model.get_layer(norm.layer)
        setting, readers = facts.of(layer).centers, list(map(model.get_layer, norm.readers))
        if not setting or not getattr(layer, setting) or not all(map(_is_matrix, readers)):
            continue
        *others, offset = layer.get_weights()
        twin = type(layer).from_config({**layer.get_config(), setting: False})
        replace[layer.name] = [graph.Replacement(twin, others)]
        one = np.ones_like(offset)
        replace |= {each.name: [_behind_map(each, one, offset)] for each in readers}
    return graph.rebuild(model, replace) if replace else model


def _only_reader(norm: k.Layer, readers: dict[str, list[Any]]) -> tuple[Any, set[str]]:
    """What alone reads a layer, None if several do, and the idle layers passed on the way there."""
    layer, between = norm, set[str]()
    while len(readers[layer.name]) == 1:
        layer = readers[layer.name][0]
        if not facts.of(layer).idle:
            return layer, between
        between.add(layer.name)
    return None, between


def _is_matrix(layer: k.Layer) -> bool:
    return facts.of(layer).is_compressed and kernels.axes(type(layer).__name__).is_matrix


def _behind_map(layer: k.Layer, factor: np.ndarray, offset: np.ndarray) -> graph.Replacement:
    """Dense `layer` with the affine map of each channel before it in its kernel and bias."""
    kernel, *rest = layer.get_weights()
    bias = rest[0] if rest else 0.0
    twin = type(layer).from_config({**layer.get_config(), "use_bias": True})
    weights = [kernel * factor[:, np.newaxis], offset @ kernel + bias]
    return graph.Replacement(twin, [weight.astype(np.float32) for weight in weights])


def _with_norm(layer: k.Layer, norm: k.Layer) -> graph.Replacement:
    """`layer` with the affine map of `norm` in its kernel and bias."""
    factor, offset = _affine(norm)
    kernel, *rest = layer.get_weights()
    bias = rest[0] if rest else 0.0
    kind = type(layer).__name__
    shape = [1] * kernel.ndim
    for axis in kernels.channel_axes(kind):
        shape[axis] = kernel.shape[axis]
    twin = type(layer).from_config({**layer.get_config(), "use_bias": True})
    weights = [kernel * factor.reshape(shape), offset + bias * factor]
    return graph.Replacement(twin, [weight.astype(np.float32) for weight in weights])


def scale_by_convolution(model: k.Model) -> tuple[Any, tuple[str, ...]]:
    """Turn each BatchNormalization that could not be folded into a 1x1 depthwise convolution.

    It computes the same in one int8 operator instead of two float ones; in front of uneven inputs
    float is what is wanted.

    Args:
        model: flat tf_keras model.

    Returns:
        A new model, and the names of the layers that changed (they keep their names).
    """
    in_float = uneven_inputs.find(model).prefix.layers
    replace = {
        layer.name: [_as_depthwise(layer)]
        for layer in model.layers
        if facts.of(layer).folds
        and layer.name not in in_float
        and len(layer.inbound_nodes) == 1
        and len(layer.input_shape) in _DEPTHWISE
        and tuple(layer.axis) == (len(layer.input_shape) - 1,)
    }
    return (graph.rebuild(model, replace) if replace else model), tuple(replace)


def _as_depthwise(norm: k.Layer) -> graph.Replacement:
    factor, offset = _affine(norm)
    layer = getattr(k.tf_keras.layers, _DEPTHWISE[len(norm.input_shape)])(1, name=norm.name)
    window = (1,) * (len(norm.input_shape) - 2)
    return graph.Replacement(layer, [factor.reshape(*window, -1, 1), offset])


def _affine(norm: k.Layer) -> tuple[np.ndarray, np.ndarray]:
    """(channels,) factor and offset of a layer that folds."""
    folds = facts.of(norm).folds
    assert folds is not None
    return folds(norm)
