"""Keras 3 -> tf_keras, layer by layer."""

import importlib
import re
from collections.abc import Mapping
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import (
    activations,
    dequantized,
    keras_ops,
    operation,
    replay,
    twin_config,
)
from tfedge.compress.bridge.twin_builder import Builder, MissingTwin
from tfedge.compress.layers import facts
from tfedge.errors import BadInput


class ToTfKeras(Builder):
    """Builds tf_keras twins of Keras 3 layers."""

    def __init__(self, twins: Mapping[str, Any]):
        super().__init__(
            twin_config.Dialect(keras.tf_keras, self._activation, _renamed, _graph_name), twins
        )

    def input(self, tensor: Any) -> Any:
        """A tf_keras Input."""
        return keras.tf_keras.Input(
            batch_shape=tensor.shape,
            dtype="float32" if "float16" in tensor.dtype else tensor.dtype,
            name=_graph_name(tensor._keras_history.operation.name),
        )

    def layer_class(self, layer: Any) -> Any:
        """The class of the same name in tf_keras, or ours."""
        name, module = type(layer).__name__, type(layer).__module__
        where = f"layer {layer.name!r} ({name})"
        refused = facts.of(layer).twin.refused
        if refused:
            raise BadInput(where, refused, "Replace it by other layers.")
        if dequantized.mode(layer) not in (None, *dequantized.MODES):
            raise BadInput(
                where,
                f"it was quantized by Keras ({dequantized.mode(layer)}), which cannot be undone",
                "Give the float model: tfedge quantizes it.",
            )
        if getattr(layer, "data_format", None) == "channels_first":
            raise BadInput(
                where, "channels come first, on a phone they come last", "Build it channels_last."
            )
        ours = facts.of(layer).twin.ours
        if module.startswith("keras.src.") and ours:
            return getattr(importlib.import_module(f"tfedge.compress.{ours}"), name)
        if not module.startswith("keras."):
            raise MissingTwin(
                where,
                f"a layer of your own needs a tf_keras twin, none is known for"
                f" {self.registered_name(layer)!r}",
                "Register one under the same name in a file given by --custom_objects=py:FILE.",
            )
        if not hasattr(keras.tf_keras.layers, name):
            raise MissingTwin(where, "tf_keras has no such layer", "Replace it by other layers.")
        return getattr(keras.tf_keras.layers, name)

    def extra(self, layer: Any) -> dict[str, Any]:
        """What makes it compute as in Keras 3."""
        return dict(facts.of(layer).twin.given)

    def registered_name(self, layer: Any) -> str:
        """What Keras 3 registered its class as."""
        return keras.keras3().saving.get_registered_name(type(layer))

    def is_operation(self, thing: Any) -> bool:
        """Everything in the graph that is not a layer."""
        return not isinstance(thing, keras.keras3().layers.Layer)

    def operation(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        """A merge layer or an `Op`."""
        masked = any(getattr(t, "_keras_mask", None) is not None for t in call.tensors())
        found = keras_ops.read(call.operation, args, kwargs)
        return operation.in_tf_keras(found, _graph_name(call.operation.name), masked)

    def _activation(self, layer: Any, key: str, value: Any) -> Any:
        """tf_keras' form of an activation in a Keras 3 config."""
        if isinstance(getattr(layer, key, None), keras.keras3().layers.Layer):
            return self.of(getattr(layer, key))
        name = value.get("config") if isinstance(value, Mapping) else value
        if isinstance(name, str) and name in activations.TO_TF_KERAS:
            return activations.TO_TF_KERAS[name]
        return self.users_activation(layer, name)


def _renamed(class_name: str) -> dict[str, str]:
    ours = facts.of_class(class_name).twin.renamed
    return {there: here for here, there in ours.items()}


def _graph_name(name: str) -> str:
    """A name TensorFlow accepts as a scope."""
    valid = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return valid if re.match(r"[A-Za-z0-9.]", valid) else f"layer{valid}"
