"""tf_keras -> Keras 3, layer by layer."""

from collections.abc import Mapping
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import (
    activations,
    keras3_twins,
    op_layer,
    operation,
    replay,
    tf_symbols,
    twin_config,
)
from tfedge.compress.bridge.twin_builder import Builder, MissingTwin
from tfedge.compress.layers import facts
from tfedge.errors import BadInput


class ToKeras3(Builder):
    """Builds Keras 3 twins of tf_keras layers."""

    def __init__(self, twins: Mapping[str, Any]):
        dialect = twin_config.Dialect(keras.keras3(), self._activation, _renamed, _plain_name)
        super().__init__(dialect, twins)

    def input(self, tensor: Any) -> Any:
        """A Keras 3 Input."""
        return self.package.Input(
            batch_shape=tuple(tensor.shape),
            dtype=tensor.dtype.name,
            name=_plain_name(tensor._keras_history.layer.name),
        )

    def layer_class(self, layer: Any) -> Any:
        """The class of the same name in Keras 3."""
        name, module = type(layer).__name__, type(layer).__module__
        where = f"layer {layer.name!r} ({name})"
        if module.endswith(".convnext"):
            return getattr(self.package.src.applications.convnext, name)
        is_ours = module == f"tfedge.compress.{facts.of(layer).twin.ours}"
        if not (module.startswith("tf_keras.") or is_ours):
            raise MissingTwin(
                where,
                f"a layer of your own needs a Keras 3 twin, none is known for"
                f" {self.registered_name(layer)!r}",
                "Register one under the same name in a file given by --custom_objects=py:FILE.",
            )
        other = facts.of(layer).twin.keras3
        ours = getattr(keras3_twins, name, None)
        found = None if other is None else getattr(self.package.layers, other or name, ours)
        if found is None:
            raise BadInput(where, "Keras 3 has no such layer", "Replace it by other layers.")
        return found

    def extra(self, layer: Any) -> dict[str, Any]:
        """Nothing."""
        return {}

    def registered_name(self, layer: Any) -> str:
        """What tf_keras registered its class as."""
        return keras.tf_keras.saving.get_registered_name(type(layer))

    def is_operation(self, thing: Any) -> bool:
        """Our `Op` layers, and those tf_keras makes of TensorFlow functions."""
        return isinstance(thing, op_layer.Op) or type(thing).__name__ in tf_symbols.LAYERS

    def operation(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        """A call of `keras.ops`."""
        layer = call.operation
        if isinstance(layer, op_layer.Op):
            found = operation.of_op_layer(layer, args)
        else:
            found = tf_symbols.read(layer, args, kwargs)
        return operation.in_keras3(found, _plain_name(layer.name))

    def dtype(self, layer: Any) -> str:
        """As it is; a policy that waits for the first input is float32."""
        name = layer.dtype_policy.name
        return "float32" if name == "_infer" else name

    def _activation(self, layer: Any, key: str, value: Any) -> Any:
        """Keras 3's form of an activation in a tf_keras config."""
        if isinstance(getattr(layer, key, None), keras.tf_keras.layers.Layer):
            return self.of(getattr(layer, key))
        name = value.get("config") if isinstance(value, Mapping) else value
        if name == "hard_sigmoid":
            return keras3_twins.hard_sigmoid_line
        if isinstance(name, str) and name in activations.TO_KERAS3:
            return activations.TO_KERAS3[name]
        return self.users_activation(name) or self.no_activation(layer, name)


def _renamed(class_name: str) -> Mapping[str, str]:
    return facts.of_class(class_name).twin.renamed


def _plain_name(name: str) -> str:
    """Keras 3 reads "/" as a path."""
    return name.replace("/", "_")
