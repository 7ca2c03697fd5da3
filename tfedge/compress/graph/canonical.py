"""A tf_keras model as the techniques want it: plain layers, float32, fixed shapes.

Takes out what earlier work left in a model (TFMOT's pruning, clustering and quantization
wrappers), turns TensorFlow functions between layers into `Op` layers, half precision into
float32, and gives inputs of any size the size asked for. The graph is replayed for that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress import keras
from tfedge.compress import keras as k
from tfedge.compress.bridge import operation, replay, tf_symbols
from tfedge.compress.layers import facts
from tfedge.errors import BadInput

# TFMOT class -> what it was put there for.
_WRAPPERS = {
    "PruneLowMagnitude": "pruning",
    "ClusterWeights": "clustering",
    "ClusterWeightsMHA": "clustering",
    "QuantizeWrapper": "quantization",
    "QuantizeWrapperV2": "quantization",
    "QuantizeLayer": "quantization",
}


def tidy(model: k.Model, input_shapes: Mapping[str, Sequence[int]] | None = None) -> k.Model:
    """The same model out of plain layers, for any number of examples at a time.

    A batch of one size is kept only where layers have a state of each example.

    Args:
        model: functional or Sequential tf_keras model.
        input_shapes: input name -> its shape without the batch, for inputs that are to change.

    Returns:
        `model` itself if there is nothing to do, else one that shares nothing with it.

    Raises:
        BadInput: the layers do not fit the input shapes.
    """
    layers = list(_all_layers(model))
    kinds = {_WRAPPERS[type(layer).__name__] for layer in layers if _is_wrapper(layer)}
    for kind in sorted(kinds):
        logging.info("model %r: wrappers of an earlier %s are taken off", model.name, kind)
    half = [layer.name for layer in layers if _computes_in_half(layer)]
    if half:
        logging.info("%d layers that computed in half precision compute in float32 now", len(half))
    functions = [layer for layer in layers if type(layer).__name__ in tf_symbols.LAYERS]
    is_fixed = any(tensor.shape[0] is not None for tensor in model.inputs) and not model.stateful
    if not (kinds or half or functions or input_shapes or is_fixed):
        return model
    try:
        return _Tidying(input_shapes or {}, keeps_batch=model.stateful).run(model)
    except ValueError as error:
        if isinstance(error, BadInput) or not input_shapes:
            raise
        raise BadInput(
            "--input_shape",
            f"the model cannot be built for {dict(input_shapes)}: {error}",
            "Give the shape it was trained with.",
        ) from error


class _Tidying:
    """One replay: old layers -> new ones, and the weights these get at the end."""

    def __init__(self, input_shapes: Mapping[str, Sequence[int]], keeps_batch: bool):
        self._input_shapes, self._keeps_batch = input_shapes, keeps_batch
        self._made: dict[int, Any] = {}
        self._weights: list[tuple[Any, list[np.ndarray]]] = []

    def run(self, model: k.Model) -> k.Model:
        made = self._of(model)
        for layer, weights in self._weights:
            layer.set_weights(weights)
            if facts.of(layer).is_finalized:
                layer.finalize_state()
        return made

    def _of(self, layer: k.Layer) -> k.Layer:
        if id(layer) not in self._made:
            made = self._model(layer) if replay.is_functional(layer) else self._layer(layer)
            self._made[id(layer)] = made
        return self._made[id(layer)]

    def _model(self, model: k.Model) -> k.Model:
        given = replay.substitute(replay.inputs(model), self._input)
        if replay.is_sequential(model) and not any(map(_replaced_by_call, model.layers)):
            layers = [given, *map(self._of, model.layers)]
            return keras.tf_keras.Sequential(layers, name=model.name)
        outputs = replay.replay(model, given, self._call)
        return keras.tf_keras.Model(given, outputs, name=model.name)

    def _input(self, tensor: k.Tensor) -> k.Tensor:
        name = tensor._keras_history.layer.name
        shape = self._input_shapes.get(name, tensor.shape[1:])
        dtype = "float32" if tensor.dtype.name in ("float16", "bfloat16") else tensor.dtype
        batch = tensor.shape[0] if self._keeps_batch else None
        return keras.tf_keras.Input(batch_shape=(batch, *shape), dtype=dtype, name=name)

    def _call(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        layer = call.operation
        if type(layer).__name__ == "QuantizeLayer":
            return replay.flat(args)[0]
        if _has_op(layer):
            masked = any(getattr(t, "_keras_mask", None) is not None for t in call.tensors())
            found = tf_symbols.read(layer, args, kwargs)
            return operation.in_tf_keras(found, layer.name, masked)
        return self._of(layer)(*args, **kwargs)

    def _layer(self, layer: k.Layer) -> k.Layer:
        if replay.is_model(layer):  # a subclassed one has no config to make it from
            return layer
        config, weights = _plain(layer)
        if _computes_in_half(layer):
            config["dtype"] = "float32"
        made = type(_inner(layer)).from_config(config)
        self._weights.append((made, weights))
        return made


def _all_layers(model: k.Model) -> list[Any]:
    """The layers of a model and of the models within."""
    inner = [_all_layers(layer) for layer in model.layers if replay.is_model(layer)]
    return [*model.layers, *(layer for layers in inner for layer in layers)]


def _is_wrapper(layer: k.Layer) -> bool:
    return type(layer).__name__ in _WRAPPERS and "model_optimization" in type(layer).__module__


def _inner(layer: k.Layer) -> k.Layer:
    return layer.layer if _is_wrapper(layer) else layer


def _computes_in_half(layer: k.Layer) -> bool:
    return not replay.is_model(layer) and "float16" in layer.dtype_policy.name


def _has_op(layer: k.Layer) -> bool:
    """Whether tf_keras made this layer of a function that `Op` knows; others stay as they are."""
    return type(layer).__name__ in tf_symbols.LAYERS and layer.symbol in tf_symbols.KNOWN


def _replaced_by_call(layer: k.Layer) -> bool:
    return type(layer).__name__ == "QuantizeLayer" or _has_op(layer)


def _plain(layer: k.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The config and weights of a layer without what wraps it."""
    if not _is_wrapper(layer):
        return layer.get_config(), layer.get_weights()
    inner, kind = layer.layer, _WRAPPERS[type(layer).__name__]
    if kind == "pruning":
        return inner.get_config(), inner.get_weights()
    if kind == "clustering":
        return _clustered(layer)
    return _quantized(layer)


def _clustered(layer: k.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Weights as TFMOT would strip them: each replaced by its centroid."""
    layer.update_clustered_weights_associations()
    if type(layer).__name__ == "ClusterWeightsMHA":
        plain = layer.strip_clustering()
        return plain.get_config(), plain.get_weights()
    weights = layer.layer.get_weights()
    for position, name in layer.position_original_weights.items():
        weights.insert(position, np.asarray(layer.get_weight_from_layer(name)))
    return layer.layer.get_config(), weights


def _quantized(layer: k.Layer) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The float weights that training went on with, and the activation that was meant."""
    inner, config = layer.layer, layer.layer.get_config()
    activation = getattr(inner, "activation", None)
    if activation is not None and type(activation).__name__ == "QuantizeAwareActivation":
        activation = activation.activation
    if activation is not None:
        idle = type(activation).__name__ == "NoOpActivation"
        config["activation"] = (
            "linear" if idle else keras.tf_keras.activations.serialize(activation)
        )
    fresh = type(inner).from_config(config)
    fresh.build(layer.input_shape)
    # TFMOT moves the quantized weights out of the layer; their names are all that is left.
    held = {_last_name(w): np.asarray(w) for w in [*inner.weights, *layer.weights]}
    return config, [held[_last_name(weight)] for weight in fresh.weights]


def _last_name(variable: Any) -> str:
    return variable.name.split("/")[-1]
