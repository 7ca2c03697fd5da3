"""Reads an operation in the graph of a Keras 3 model."""

import inspect
import re
from typing import Any

from tfedge.compress.bridge import replay
from tfedge.compress.bridge.operation import Operation

# Settings that say nothing new at these values.
_UNSAID = {
    "sparse": False,
    "data_format": "channels_last",
    "crop_to_aspect_ratio": False,
    "pad_to_aspect_ratio": False,
    "fill_mode": "constant",
    "fill_value": 0.0,
}


def read(operation: Any, args: tuple, kwargs: dict) -> Operation:
    """What a Keras 3 operation computes on these arguments.

    Args:
        operation: an instance of `keras.Operation` that is not a layer.
        args: positional arguments it is called with.
        kwargs: keyword arguments it is called with.
    """
    signature = inspect.signature(operation.call)
    named = dict(signature.bind(*args, **kwargs).arguments)
    arguments: list[Any] = []
    settings = _settings(operation)
    for name in reversed(list(named)):
        # Said by name: in the public function other parameters come before it.
        if signature.parameters[name].default is inspect.Parameter.empty or _holds_tensor(
            named[name]
        ):
            break
        settings |= {} if named[name] is None else {name: named[name]}
        del named[name]
    for name, value in named.items():
        spread = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        arguments.extend(value if spread else [value])
    return Operation(public_name(operation), arguments, settings)


def public_name(operation: Any) -> str:
    """The function of `keras.ops` that makes this operation."""
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", type(operation).__name__).lower()
    in_image = type(operation).__module__.endswith(".image")
    return f"image.{name}" if in_image else name


def _holds_tensor(value: Any) -> bool:
    return any(map(replay.is_symbolic, replay.flat(value)))


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
