"""The same model in the other Keras: same layers, names and weights, same outputs.

    model = bridge.to_tf_keras(keras.applications.MobileNetV3Small())

TFMOT works on tf_keras models only; users train and want back Keras 3 models. The graph of the
model is replayed call by call; each layer's twin is made from its config and gets its weights.
Both Kerases compute with TensorFlow, so the outputs are equal to the bit or to the rounding of
a different order of the same sums.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.compress.bridge import replay
from tfedge.compress.bridge.twin_builder import MissingTwin
from tfedge.compress.layers import facts

__all__ = ["MissingTwin", "is_functional", "is_keras3", "know_layers", "to_keras3", "to_tf_keras"]

is_keras3 = replay.is_keras3
is_functional = replay.is_functional


def know_layers() -> None:
    """Registers tfedge's own layers with tf_keras, under the names that files have."""
    from tfedge.compress.bridge import op_layer  # noqa: F401  (it does when imported)

    for known in facts.known().values():
        if known.twin.ours:
            importlib.import_module(f"tfedge.compress.{known.twin.ours}")


def to_tf_keras(
    model: Any,
    twins: Mapping[str, Any] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> Any:
    """The tf_keras twin of a Keras 3 model; a tf_keras model is returned as it is.

    Args:
        model: functional or Sequential, nested at will.
        twins: "package>Name" or class name of a layer or activation of the user's own -> its
            tf_keras class or function. Those registered under the same name are found anyway;
            of any other the call is followed, and what it is made of gets twins.
        input_shapes: input name -> its shape without the batch, for inputs of any size.

    Returns:
        A tf_keras.Model that shares nothing with `model`; half precision becomes float32.

    Raises:
        BadInput: a subclassed model, a layer, setting or operation tf_keras lacks, by name;
            MissingTwin where that is a layer, or an activation of the user's own.
    """
    from tfedge.compress.bridge import agreement, toward_tf_keras

    if not is_keras3(model):
        return model
    builder = toward_tf_keras.ToTfKeras(twins or {}, input_shapes or {})
    twin = builder.build(model)
    followed = builder.followed(model)
    if followed:
        agreement.check(model, twin, followed)
    return twin


def to_keras3(model: Any, twins: Mapping[str, Any] | None = None) -> Any:
    """The Keras 3 twin of a tf_keras model; a Keras 3 model is returned as it is.

    Args:
        model: functional or Sequential, nested at will; with layers of tfedge, or those that
            tf_keras makes of `x + y` or `tf.nn.relu6(x)`.
        twins: "package>Name" or class name of a layer or activation of the user's own -> its
            Keras 3 class or function. Those registered under the same name are found anyway.

    Returns:
        A keras.Model that shares nothing with `model`. Where `model` has BatchNormalization
        layers that use TensorFlow's fused kernel (those of a model from Keras 3 do not), Keras 3
        rounds otherwise: about 1e-7 for each.

    Raises:
        BadInput: a subclassed model, a layer, setting or operation Keras 3 lacks, by name.
    """
    if is_keras3(model):
        return model
    from tfedge.compress.bridge import toward_keras3

    return toward_keras3.ToKeras3(twins or {}).build(model)
