"""Builds the twin of a model in the other Keras: the same graph, call by call."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any, NoReturn

from absl import logging

from tfedge.compress.bridge import dequantized, replay, twin_config, twin_weights
from tfedge.compress.layers import facts
from tfedge.errors import BadInput


class MissingTwin(BadInput):
    """A layer or activation has no counterpart in the other Keras: the model has no graph there."""


class Builder(abc.ABC):
    """Twins of one model's layers; a layer met twice has one twin.

    Args:
        dialect: how constructor arguments are said in the Keras of the twin.
        twins: registered name ("package>Name") or class name of a layer of the user's own ->
            the class that stands for it in the other Keras.
    """

    def __init__(self, dialect: twin_config.Dialect, twins: Mapping[str, Any]):
        self.dialect, self.package, self.twins = dialect, dialect.package, dict(twins)
        self._made: dict[int, tuple[Any, Any]] = {}
        self._in_float32: set[str] = set()
        self._dequantized: dict[str, str] = {}

    def build(self, model: Any) -> Any:
        """The twin of a functional or Sequential model, with its weights.

        Raises:
            BadInput: a layer, setting or operation the other Keras lacks, by name.
        """
        twin = self.of(model)
        for source, made in self._made.values():
            twin_weights.copy(source, made)
        if self._in_float32:
            logging.info(
                "%d layers that computed in half precision compute in float32 now",
                len(self._in_float32),
            )
        if self._dequantized:
            logging.warning(
                "model %r: %d layers that Keras has quantized (%s) are float again, with what their"
                " weights were rounded to; tfedge quantizes them itself, best from the float model",
                model.name,
                len(self._dequantized),
                ", ".join(sorted(set(self._dequantized.values()))),
            )
        return twin

    def of(self, layer: Any) -> Any:
        """The twin of a layer or of a model within the model."""
        if id(layer) not in self._made:
            self._made[id(layer)] = (layer, self._make(layer))
        return self._made[id(layer)][1]

    @abc.abstractmethod
    def input(self, tensor: Any) -> Any:
        """A symbolic input of the other Keras with the shape, dtype and name of this one."""

    @abc.abstractmethod
    def layer_class(self, layer: Any) -> Any:
        """The class of the twin of a layer that comes with Keras or with tfedge.

        Raises:
            BadInput: there is none.
        """

    @abc.abstractmethod
    def extra(self, layer: Any) -> dict[str, Any]:
        """Constructor arguments of a twin that its layer's config does not say."""

    @abc.abstractmethod
    def registered_name(self, layer: Any) -> str:
        """The name a layer's class is registered under, "package>Name", else its class name."""

    @abc.abstractmethod
    def operation(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        """The outputs of an operation that is no layer of the user's, on the twin's tensors."""

    @abc.abstractmethod
    def is_operation(self, thing: Any) -> bool:
        """Whether this is an operation that `operation` translates rather than a layer."""

    def dtype(self, layer: Any) -> str:
        """The name of the dtype a layer's twin computes in."""
        mode = dequantized.mode(layer)
        if mode is not None:
            self._dequantized[layer.name] = mode
            return "float32"
        name = layer.dtype_policy.name
        if "float16" not in name:
            return name
        self._in_float32.add(layer.name)
        return "float32"

    def users_activation(self, name: Any) -> Any:
        """The user's own twin of an activation function, None where there is none."""
        if not isinstance(name, str):
            return None
        return self.twins.get(name) or self.package.saving.get_registered_object(name)

    def no_activation(self, layer: Any, name: Any) -> NoReturn:
        """Refuses a layer for its activation.

        Raises:
            MissingTwin: always.
        """
        raise MissingTwin(
            f"layer {layer.name!r}",
            f"{self.package.__name__} has no activation {name if isinstance(name, str) else ''!r}",
            "Register one under the same name in a file given by --custom_objects=py:FILE.",
        )

    def _make(self, layer: Any) -> Any:
        if not replay.is_model(layer):
            return self.make_layer(layer)
        if not replay.is_functional(layer):
            raise BadInput(
                f"model {layer.name!r} ({type(layer).__name__})",
                "a model without a graph of layers (subclassed, or never built) has no twin",
                "Build it with the functional API, or call it once on data and pass that.",
            )
        given = replay.substitute(replay.inputs(layer), self.input)
        if replay.is_sequential(layer) and not self.has_calls(layer):
            return self.package.Sequential(
                [given, *map(self.of, layer.layers)], name=self.dialect.name(layer.name)
            )
        outputs = replay.replay(layer, given, self.call)
        return self.package.Model(given, outputs, name=self.dialect.name(layer.name))

    def make_layer(self, layer: Any) -> Any:
        """A new twin of a layer, not kept: one that is called as a part of another."""
        users = self._users_class(layer)
        if users is not None:
            return users.from_config({**layer.get_config(), "dtype": self.dtype(layer)})
        kind = self.layer_class(layer)
        arguments = twin_config.arguments(layer, kind, self.dialect, self.dtype(layer))
        return kind(**arguments, **facts.of(layer).twin.inner(layer, self), **self.extra(layer))

    def _users_class(self, layer: Any) -> Any:
        """The user's own twin of a layer: given, or registered under the same name."""
        name = self.registered_name(layer)
        given = self.twins.get(name, self.twins.get(type(layer).__name__))
        return given or self.package.saving.get_registered_object(name)

    def has_calls(self, model: Any) -> bool:
        """Whether the twin of a Sequential model has to be made call by call."""
        return False

    def call(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        """The outputs of a call on the tensors of the twin."""
        if self.is_operation(call.operation):
            return self.operation(call, args, kwargs)
        twin = self.of(call.operation)
        first, rest = self.bound(call, args, kwargs)
        return twin(first, **self._accepted(call.operation, twin, rest))

    def bound(self, call: replay.Call, args: tuple, kwargs: dict) -> tuple[Any, dict[str, Any]]:
        """The first argument, and the others by name."""
        signature = inspect.signature(call.operation.call)
        named = dict(signature.bind(*args, **kwargs).arguments)
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                named |= named.pop(name, {})
        first = next(iter(signature.parameters))
        return named.pop(first), named

    def _accepted(self, layer: Any, twin: Any, named: dict[str, Any]) -> dict[str, Any]:
        """The arguments that say more than their defaults do.

        Raises:
            BadInput: one the twin does not take.
        """
        ours = inspect.signature(layer.call).parameters
        theirs = inspect.signature(twin.call).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in theirs.values())
        kept = {}
        for name, value in named.items():
            default = ours[name].default if name in ours else None
            if _says_no_more(value, default):
                continue
            if name not in theirs and not takes_any:
                raise BadInput(
                    f"layer {layer.name!r} ({type(layer).__name__})",
                    f"{self.package.__name__} cannot call it with {name}=",
                    "Leave that argument out.",
                )
            kept[name] = value
        return kept


def _says_no_more(value: Any, default: Any) -> bool:
    """Whether an argument is what the call would take anyway."""
    plain = isinstance(value, bool | int | float | str)
    return value is None or (plain and type(value) is type(default) and value == default)
