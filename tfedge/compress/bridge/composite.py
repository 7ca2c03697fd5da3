"""Composite layers of Keras 3 in tf_keras: twins of what they are made of, call by call."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import (
    drawing,
    fixed,
    keras_ops,
    operation,
    plain_ops,
    replay,
    rms_pattern,
)
from tfedge.compress.bridge.fixed import Fixed
from tfedge.compress.bridge.twin_builder import Builder, MissingTwin
from tfedge.compress.composites import mask_layers
from tfedge.compress.layers import facts
from tfedge.errors import BadInput

_REMEDY = (
    "Write it with Keras layers and keras.ops, or register a tf_keras twin under the same name in"
    " a file given by --custom_objects=py:FILE."
)


class Composites:
    """Calls of composite layers in one twin.

    Args:
        builder: of the twins of layers that are not composite.
    """

    def __init__(self, builder: Builder):
        self._builder = builder
        self._kept: dict[tuple[int, str], Any] = {}
        self._taken: set[str] = set()
        self._within: list[str] = []

    def name(self, name: str) -> str:
        """That of a layer inside of the composite layers that are being drawn, used once."""
        plain = graph_name(".".join(filter(None, [*self._within, name])))
        if not self._within:
            self._taken.add(plain)
            return plain
        free, number = plain, 0
        while free in self._taken:
            number += 1
            free = f"{plain}_{number}"
        self._taken.add(free)
        return free

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Names of parts begin with that of the whole."""
        self._within.append(name)
        try:
            yield
        finally:
            self._within.pop()

    def layer(
        self, call: replay.Call, args: tuple, kwargs: Mapping[str, Any], is_all: bool = False
    ) -> Any:
        """The outputs of a composite layer on tensors of the twin.

        Args:
            call: of the layer.
            args: its arguments,
            kwargs: and those by name.
            is_all: the model is this layer alone: its parts have names of their own.

        Raises:
            MissingTwin: its call does what symbols cannot, or what tf_keras lacks.
        """
        layer = call.operation
        where = f"layer {layer.name!r} ({type(layer).__name__})"
        symbols = _Symbols(where)
        given, named = replay.substitute((args, dict(kwargs)), symbols.of)
        try:
            drawn = drawing.of_layer(layer, given, named)
        except Exception as error:
            says = f"its call cannot be followed: {_first_line(error)}"
            raise MissingTwin(where, says, _REMEDY) from error
        try:
            with self.inside("" if is_all else layer.name):
                return _Replay(self, self._builder, drawn, symbols, self._kept).outputs()
        except MissingTwin:
            raise
        except Exception as error:
            cause = error.cause if isinstance(error, BadInput) else _first_line(error)
            raise MissingTwin(where, f"in its call, {cause}", _REMEDY) from error

    def function(self, function: Any, tensor: Any, name: str) -> Any:
        """What an activation of the user's own makes of a tensor of the twin."""
        where = f"layer {name!r}"
        symbols = _Symbols(where)
        try:
            drawn = drawing.of_function(function, symbols.of(tensor))
        except Exception as error:
            raise MissingTwin(
                where, f"its activation cannot be followed: {type(error).__name__}", _REMEDY
            ) from error
        with self.inside(name):
            return _Replay(self, self._builder, drawn, symbols, self._kept).outputs()


class _Symbols:
    """Symbols of Keras 3 that stand for tensors of the twin."""

    def __init__(self, where: str):
        self._where = where
        self._made: dict[int, Any] = {}
        self.tensors: dict[int, Any] = {}
        self.masks: dict[int, Any] = {}

    @property
    def beside(self) -> Any:
        """Some tensor of the twin."""
        return next(each for each in self.tensors.values() if not isinstance(each, Fixed))

    def of(self, value: Any) -> Any:
        """The symbol of a tensor, other values as they are."""
        if not (isinstance(value, Fixed) or replay.is_symbolic(value)):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = self._new(value)
        return self._made[id(value)]

    def _new(self, value: Any) -> Any:
        if isinstance(value, Fixed):
            made = drawing.symbol(value.value.shape, value.value.dtype.name)
            self.tensors[id(made)] = value
            return made
        if None in value.shape[1:]:
            raise BadInput(
                self._where,
                f"it reads {tuple(value.shape)}, whose sizes are not fixed",
                "Give them by --input_shape, or input_shape= of load_model.",
            )
        shape = (drawing.BATCH, *value.shape[1:])
        made = drawing.symbol(shape, value.dtype.name)
        mask = drawing.mask_of(value)
        if mask is not None:
            made._keras_mask = drawing.symbol((drawing.BATCH, *value.shape[1:2]), "bool")
            self.masks[id(made._keras_mask)] = value
        self.tensors[id(made)] = value
        return made


class _Replay:
    """One drawing, call by call."""

    def __init__(
        self,
        composites: Composites,
        builder: Builder,
        drawn: drawing.Drawing,
        symbols: _Symbols,
        kept: dict[tuple[int, str], Any],
    ):
        self._composites, self._builder, self._drawn = composites, builder, drawn
        self._symbols, self._kept = symbols, kept
        self._values: dict[int, Any] = dict(symbols.tensors)
        self._values |= {key: fixed.of(value) for key, value in drawn.weights.items()}
        self._normalizations = rms_pattern.find(drawn.calls)

    def outputs(self) -> Any:
        """What the drawing gives on the tensors of the twin."""
        for call in self._drawn.calls:
            if id(call.outputs[0]) not in self._values:
                self._run(call)
        flat = replay.flat(self._drawn.outputs)
        masks = dict(zip(map(id, flat), self._drawn.masks, strict=True))
        return replay.substitute(
            self._drawn.outputs, lambda each: self._output(each, masks[id(each)])
        )

    def _run(self, call: replay.Call) -> None:
        args, kwargs = replay.substitute((call.args, dict(call.kwargs)), self._current)
        leaves = replay.flat((args, kwargs))
        if not any(replay.is_symbolic(leaf) for leaf in leaves):
            results: list[Any] = list(fixed.computed(call, args, kwargs))
        elif self._builder.is_operation(call.operation):
            results = replay.flat(self._operation(call, args, kwargs))
        else:
            results = replay.flat(self._layer(call, args, kwargs))
        self._values.update(zip(map(id, call.outputs), results, strict=True))

    def _operation(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        normalization = self._normalizations.get(id(call.outputs[0]))
        if normalization is not None:
            scale = self._values.get(id(normalization.scale))
            if isinstance(scale, Fixed) and scale.value.ndim == 1:
                given = self._values[id(normalization.given)]
                return fixed.normalized(given, scale, normalization.epsilon, self._place("rms"))
        found = keras_ops.read(call.operation, args, kwargs)
        name = self._named(re.sub(r"_\d+$", "", call.operation.name))
        leaves = replay.flat((list(found.arguments), dict(found.settings)))
        if any(isinstance(leaf, Fixed) for leaf in leaves):
            return self._with_fixed(call, found, name)
        shape = tuple(call.outputs[0].shape) if len(call.outputs) == 1 else None
        made = plain_ops.in_tf_keras(found, shape, self._named)
        return operation.in_tf_keras(found, name, True) if made is None else made

    def _layer(self, call: replay.Call, args: tuple, kwargs: dict) -> Any:
        place = self._place("kept")
        args, kwargs = replay.substitute((args, kwargs), lambda each: fixed.tensor_of(each, place))
        if facts.of(call.operation).op == "softmax":
            scores, named = self._builder.bound(call, args, kwargs)
            if named.get("mask") is not None:
                softmax = self._builder.make_layer(call.operation)
                return plain_ops.masked_softmax(scores, named["mask"], softmax, self._named)
        return self._builder.call(call, args, kwargs)

    def _with_fixed(self, call: replay.Call, found: operation.Operation, name: str) -> Any:
        place = self._place(name, is_named=True)
        if not fixed.is_matrix(found):
            return fixed.in_tf_keras(found, place)
        readers = self._drawn.readers(call.outputs[0])
        bias = self._bias(readers[0], call.outputs[0]) if len(readers) == 1 else None
        is_bias = bias is not None and fixed.bias_of(readers[0], bias, found)
        outputs = fixed.dense(found, place, bias if is_bias else None)
        if is_bias:
            self._values[id(readers[0].outputs[0])] = outputs
        return outputs

    def _bias(self, reader: replay.Call, product: Any) -> Fixed | None:
        """What else than a product a call reads, where that is fixed."""
        others = [tensor for tensor in reader.tensors() if tensor is not product]
        value = self._values.get(id(others[0])) if len(others) == 1 else None
        return value if isinstance(value, Fixed) else None

    def _current(self, value: Any) -> Any:
        """A tensor of the twin, or a fixed value, in place of a symbol."""
        if isinstance(value, keras.keras3().Variable):
            return fixed.of(value)
        if not replay.is_symbolic(value):
            return value
        if id(value) not in self._values:
            self._values[id(value)] = self._mask(self._symbols.masks[id(value)])
        return self._values[id(value)]

    def _mask(self, tensor: Any) -> Any:
        return mask_layers.MaskOf(name=self._named("mask"))(tensor)

    def _output(self, symbol: Any, mask: Any) -> Any:
        """A tensor with the mask that Keras 3 gives it."""
        if not replay.is_symbolic(symbol):
            return symbol
        value = self._current(symbol)
        if isinstance(value, Fixed):
            return fixed.for_each_example(value, self._place("output"))
        if mask is not None:
            source = self._symbols.masks.get(id(mask))
            if source is not None:
                handing = mask_layers.WithMaskOf(name=self._named("with_mask"))
                return handing([value, source])
            return mask_layers.WithMask(name=self._named("with_mask"))([value, self._current(mask)])
        if drawing.mask_of(value) is None:
            return value
        return mask_layers.Unmasked(name=self._named("unmasked"))(value)

    def _place(self, name: str, is_named: bool = False) -> fixed.Place:
        whole = name if is_named else self._named(name)
        return fixed.Place(whole, self._named, self._symbols.beside, self._kept)

    def _named(self, part: str) -> str:
        return self._composites.name(part)


def _first_line(error: Exception) -> str:
    """What an error says, without what Keras puts around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception encountered", "Arguments"))]
    return f"{type(error).__name__}: {(said or [''])[0][:200].rstrip('.')}"


def graph_name(name: str) -> str:
    """A name TensorFlow accepts as a scope."""
    valid = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name)
    return valid if re.match(r"[A-Za-z0-9.]", valid) else f"layer{valid}"
