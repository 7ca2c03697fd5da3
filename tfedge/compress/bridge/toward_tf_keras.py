"""Keras 3 -> tf_keras, layer by layer."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import (
    activations,
    composite,
    dequantized,
    keras_ops,
    operation,
    plain_ops,
    replay,
    twin_config,
)
from tfedge.compress.bridge.twin_builder import Builder, MissingTwin
from tfedge.compress.layers import facts
from tfedge.errors import BadInput


class ToTfKeras(Builder):
    """Builds tf_keras twins of Keras 3 layers."""

    def __init__(self, twins: Mapping[str, Any], input_shapes: Mapping[str, Sequence[int]]):
        self._composites = composite.Composites(self)
        self._input_shapes, self._ends = input_shapes, dict[int, Any]()
        self._is_stateful = False
        self._all: Any = None
        super().__init__(
            twin_config.Dialect(keras.tf_keras, self._activation, _renamed, self._composites.name),
            twins,
        )

    def build(self, model: Any) -> Any:
        """As of any twin; sizes are only given to what follows calls, others take any size."""
        if not self.followed(model):
            self._input_shapes = {}
        self._is_stateful |= any(
            getattr(layer, "stateful", False) for layer in model._flatten_layers()
        )
        within = [
            layer
            for layer in model.layers
            if not isinstance(layer, keras.keras3().layers.InputLayer)
        ]
        if len(within) == 1 and replay.is_model(within[0]):
            self._all = within[0]
        return super().build(model)

    def input(self, tensor: Any) -> Any:
        """A tf_keras Input for any number of examples, but where a layer keeps a state of each."""
        name = replay.input_name(tensor)
        shape = tensor.shape if self._is_stateful else (None, *tensor.shape[1:])
        if name in self._input_shapes:
            shape = (shape[0], *self._input_shapes[name])
        return keras.tf_keras.Input(
            batch_shape=shape,
            dtype="float32" if "float16" in tensor.dtype else tensor.dtype,
            name=composite.graph_name(name),
        )

    def followed(self, model: Any) -> list[str]:
        """The layers of a model, and of those within it, whose calls are followed."""
        found = []
        for layer in model.layers:
            if replay.is_functional(layer):
                found += self.followed(layer)
            elif self._is_composite(layer) or self._own_activation(layer) is not None:
                found.append(layer.name)
        return found

    def call(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        """Composite layers are what they are made of."""
        layer = call.operation
        if self.is_operation(layer):
            return super().call(call, args, kwargs)
        if replay.is_functional(layer) and self.followed(layer):
            with self._composites.inside(layer.name):
                return replay.replay(layer, self.bound(call, args, kwargs)[0], self.call)
        if self._is_composite(layer):
            return self._composites.layer(call, args, kwargs, layer is self._all)
        outputs = super().call(call, args, kwargs)
        function = self._ends.get(id(layer))
        if function is None:
            return outputs
        return self._composites.function(function, outputs, layer.name)

    def has_calls(self, model: Any) -> bool:
        """Whether the twin of a Sequential model is made call by call."""
        return bool(self.followed(model))

    def _is_composite(self, layer: Any) -> bool:
        """Whether tf_keras has nothing like a layer, and none is given."""
        if replay.is_functional(layer) or self._users_class(layer) is not None:
            return False
        if replay.is_model(layer):
            return True
        try:
            self.layer_class(layer)
        except MissingTwin:
            return True
        except BadInput:
            return False
        return False

    def _own_activation(self, layer: Any) -> Any:
        """The function of a layer that tf_keras has none of, None where it has."""
        function = getattr(layer, "activation", None)
        name = getattr(function, "__name__", None)
        if not callable(function) or isinstance(function, keras.keras3().layers.Layer):
            return None
        config = layer.get_config().get("activation")
        said = config.get("config") if isinstance(config, Mapping) else config
        known = said in activations.TO_TF_KERAS if isinstance(said, str) else name is None
        return None if known or self.users_activation(said) is not None else function

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
        with self._composites.inside(call.operation.name):
            made = plain_ops.products(found, self._composites.name)
        if made is not None:
            return made
        return operation.in_tf_keras(found, self._composites.name(call.operation.name), masked)

    def _activation(self, layer: Any, key: str, value: Any) -> Any:
        """tf_keras' form of an activation in a Keras 3 config."""
        if isinstance(getattr(layer, key, None), keras.keras3().layers.Layer):
            return self.of(getattr(layer, key))
        name = value.get("config") if isinstance(value, Mapping) else value
        if isinstance(name, str) and name in activations.TO_TF_KERAS:
            return activations.TO_TF_KERAS[name]
        found = self.users_activation(name)
        if found is None and key == "activation":
            self._ends[id(layer)] = layer.activation
            return None
        return found or self.no_activation(layer, name)


def _renamed(class_name: str) -> dict[str, str]:
    ours = facts.of_class(class_name).twin.renamed
    return {there: here for here, there in ours.items()}
