"""Operations of Keras 3 in a tf_keras model: a merge layer where one fits, else an `Op` layer."""

import inspect
import re
from typing import Any

from tfedge.compress import keras, op_layer, replay
from tfedge.errors import BadInput

# Two tensors of one shape family: tf_keras has layers for that, which every technique knows.
_MERGE_LAYERS = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "maximum": "Maximum",
    "minimum": "Minimum",
}
# Settings of an operation that say nothing new at these values.
_UNSAID = {
    "sparse": False,
    "data_format": "channels_last",
    "crop_to_aspect_ratio": False,
    "pad_to_aspect_ratio": False,
    "fill_mode": "constant",
    "fill_value": 0.0,
}


def to_tf_keras(call: replay.Call, args: tuple, kwargs: dict) -> Any:
    """Calls the tf_keras twin of a Keras 3 operation.

    Args:
        call: the operation, with the arguments it had.
        args: its arguments now, with tf_keras tensors.
        kwargs: the same.

    Raises:
        BadInput: an operation that has no counterpart.
    """
    operation = call.operation
    named = dict(inspect.signature(operation.call).bind(*args, **kwargs).arguments)
    name, arguments = public_name(operation), _positional(operation, named)
    tensors = [value for value in replay.flat(arguments) if replay.is_symbolic(value)]
    if name in _MERGE_LAYERS and _mergeable(call, arguments):
        return getattr(keras.tf_keras.layers, _MERGE_LAYERS[name])(name=operation.name)(tensors)
    if name == "concatenate" and operation.axis != 0 and _mergeable(call, arguments[0]):
        concatenate = keras.tf_keras.layers.Concatenate(operation.axis, name=operation.name)
        return concatenate(tensors)

    def index(value: Any) -> int | None:
        return next((i for i, t in enumerate(tensors) if t is value), None)

    try:
        layer = op_layer.Op(
            name,
            [op_layer.encode(value, index) for value in arguments],
            {key: op_layer.encode(value, index) for key, value in _settings(operation).items()},
            name=operation.name,
        )
    except TypeError as error:
        raise BadInput(
            f"operation {operation.name!r} (keras.ops.{name})", str(error), "Use constants."
        ) from error
    return layer(tensors[0] if len(tensors) == 1 else tensors)


def public_name(operation: Any) -> str:
    """The function of `keras.ops` that makes this operation."""
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", type(operation).__name__).lower()
    in_image = type(operation).__module__.endswith(".image")
    return f"image.{name}" if in_image else name


def _positional(operation: Any, named: dict[str, Any]) -> list[Any]:
    """The call's arguments in order, `*operands` spread."""
    values = []
    for name, parameter in inspect.signature(operation.call).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            values.extend(named.get(name, ()))
        elif parameter.kind is not parameter.VAR_KEYWORD and name in named:
            values.append(named[name])
    return values


def _settings(operation: Any) -> dict[str, Any]:
    """What the operation was made with, as keyword arguments of its function."""
    made_with = inspect.signature(type(operation).__init__).parameters
    settings = {
        name: getattr(operation, name)
        for name, parameter in made_with.items()
        if name not in ("self", "name")
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    return {
        name: value
        for name, value in settings.items()
        if not (value is None or (name in _UNSAID and _UNSAID[name] == value))
    }


def _mergeable(call: replay.Call, values: Any) -> bool:
    """Whether a merge layer computes the same: tensors alike in rank, dtype and batch.

    A merge layer lines up the axes of unlike ranks from the front, an operation from the back;
    and it passes masks on, which an operation does not.
    """
    if not all(replay.is_symbolic(v) for v in values) or len(values) < 2:
        return False
    masked = any(getattr(t, "_keras_mask", None) is not None for t in call.tensors())
    alike = {(len(v.shape), v.dtype, v.shape[0] if len(v.shape) else None) for v in values}
    return len(alike) == 1 and len(values[0].shape) > 1 and not masked
