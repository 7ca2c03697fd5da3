"""The constructor arguments of a layer's twin in the other Keras, from the layer's config."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress.layers import facts
from tfedge.errors import BadInput

# Settings that change how fast or with which random numbers, never what comes out at inference.
_FREE = frozenset(
    {
        *("seed", "use_cudnn", "flash_attention", "implementation", "autocast", "unroll", "fused"),
        *("quantization_config", "rng_type"),
    }
)
# What a constructor takes without having it in its signature.
_UNLISTED = frozenset({"zero_output_for_mask", "trainable", "name", "dtype"})
_SAID_ELSEWHERE = frozenset(
    {
        *("batch_input_shape", "batch_shape", "query_shape", "key_shape", "value_shape"),
        *("layer", "backward_layer", "cell", "cells"),
    }
)


@dataclasses.dataclass(frozen=True)
class Dialect:
    """What differs between the constructors of the two Kerases, seen from where a twin is built.

    Attributes:
        package: the Keras of the twin.
        activation: (layer, key, value in its config) -> what the twin takes as activation.
        renamed: class name -> its settings of another name: name here -> name there.
        name: what a layer of this name may be called there.
    """

    package: Any
    activation: Callable[[Any, str, Any], Any]
    renamed: Callable[[str], Mapping[str, str]]
    name: Callable[[str], str] = str


def arguments(layer: Any, twin_class: type, dialect: Dialect, dtype: str | None) -> dict[str, Any]:
    """The keyword arguments that make the twin of `layer`, inner layers excepted.

    Initializers are left out: every weight is copied. A setting the twin does not know is left
    out if it is at its default, where it changes nothing.

    Raises:
        BadInput: a setting the twin does not know, at another value.
    """
    class_name = type(layer).__name__
    renamed = dialect.renamed(class_name)
    known, defaults = parameters(twin_class), parameters(type(layer))
    fitted: dict[str, Any] = {}
    for key, value in layer.get_config().items():
        there = renamed.get(key, key)
        if key in _SAID_ELSEWHERE or key.endswith("_initializer"):
            continue
        if there in known or (there in _UNLISTED and value):
            fitted[there] = _translated(layer, key, value, dialect)
        elif not (_is_idle(class_name, key, value) or _is_default(value, defaults.get(key))):
            raise BadInput(
                f"layer {layer.name!r} ({class_name})",
                f"{dialect.package.__name__} has no setting {key}={value!r} for it",
                f"Leave {key} at {defaults.get(key)!r}.",
            )
    if dtype is not None:
        fitted["dtype"] = dtype
    # Set on the finished layer instead: part of its weights may be frozen.
    fitted.pop("trainable", None)
    return {**fitted, "name": dialect.name(layer.name)}


def parameters(kind: type) -> dict[str, Any]:
    """The constructor parameters of a class and those it hands on to its bases, with defaults."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        signature = inspect.signature(vars(base)["__init__"])
        for name, parameter in signature.parameters.items():
            found.setdefault(name, parameter.default)
        if all(p.kind is not p.VAR_KEYWORD for p in signature.parameters.values()):
            break
    return found


def _is_idle(class_name: str, key: str, value: Any) -> bool:
    """Whether a setting has no say at inference: augmentation does nothing then."""
    augments = facts.of_class(class_name).twin.augments
    return key in _FREE or augments or (key, value) == ("data_format", "channels_last")


def _is_default(value: Any, default: Any) -> bool:
    if value is None or value is False:
        return default in (None, False, inspect.Parameter.empty)
    return type(value) is type(default) and value == default


def _translated(layer: Any, key: str, value: Any, dialect: Dialect) -> Any:
    if key.endswith("activation"):
        return None if value is None else dialect.activation(layer, key, value)
    for ending in ("regularizer", "constraint"):
        if key.endswith(ending) and value is not None:
            return _object(layer.name, value, getattr(dialect.package, f"{ending}s"))
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        # tf_keras keeps even a single axis in a list of its own kind.
        return value[0] if key == "axis" and len(value) == 1 else list(value)
    return value


def _object(layer: str, config: Any, module: Any) -> Any:
    """A regularizer or constraint of the other Keras; they only matter while training."""
    name = config["class_name"] if isinstance(config, Mapping) else str(config)
    kind = getattr(module, name, None)
    if kind is None or not isinstance(config, Mapping):
        logging.info("layer %r: its %s is left out", layer, name)
        return None
    return kind(**config["config"])
