"""What compression has to know of a class of Keras layers, with what is safe where it is unknown.

    layer = facts.of(model.get_layer("stem"))
    layer.kernel.outputs, layer.moves, layer.has_int8

The classes are described in `classes`, one file for each class or family. Reading them needs no
TensorFlow: what has to compute does so when it is asked.
"""

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers import flows
from tfedge.compress.layers.affine import Map


@dataclasses.dataclass(frozen=True)
class KernelAxes:
    """Where a layer's kernel is and what its axes are; those that are neither are the window's.

    Attributes:
        attribute: of the layer, that holds it.
        outputs: axes of the output channels, two where each input channel has some of its own.
        input: axis of the input channels.
        is_compressed: whether passes work on it.
        is_table: whether whole numbers that come in choose among its inputs, which are rows then:
            it multiplies nothing, and in the file it is the rows that have scales.
    """

    attribute: str
    outputs: tuple[int, ...]
    input: int
    is_compressed: bool = True
    is_table: bool = False

    @property
    def scaled(self) -> tuple[int, ...]:
        """The axes along which each place may have a scale of its own in the file."""
        return (self.input,) if self.is_table else self.outputs

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel reads one input channel only."""
        return self.input in self.outputs

    @property
    def is_transposed(self) -> bool:
        """Whether the window is laid out over the outputs, once for each input position."""
        return max(self.outputs) < self.input

    @property
    def is_matrix(self) -> bool:
        """Whether it has no window: every output reads one position."""
        return min(*self.outputs, self.input) == 0

    @property
    def is_window(self) -> bool:
        """Whether every output reads a window of all inputs (of a group), as plain convolutions."""
        return not (self.is_matrix or self.is_depthwise or self.is_transposed)


@dataclasses.dataclass(frozen=True)
class Twin:
    """How a class is said in the other Keras; without any of it, by the same name and settings.

    Attributes:
        keras3: its class in Keras 3, None where that has nothing like it.
        ours: the module of tfedge.compress that has the class of this name which tf_keras lacks.
        renamed: setting in tf_keras -> in Keras 3.
        given: arguments in tf_keras that make it compute as in Keras 3, which has no word for them.
        refused: why one of Keras 3 cannot come to tf_keras.
        augments: whether it does nothing outside of training, so that its settings need no twin.
        inner: (layer, builder) -> arguments that are layers, made by `twin_builder.Builder`.
        parts: attributes that hold layers, whose weights the two Kerases list in other orders.
    """

    keras3: str | None = ""
    ours: str = ""
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    given: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    refused: str = ""
    augments: bool = False
    inner: Callable[[Any, Any], dict[str, Any]] = lambda layer, builder: {}
    parts: tuple[str, ...] = ()


def _unscaled(layer: k.Layer) -> str:
    return f"{layer.name}, a {type(layer).__name__}, reads its channels"


@dataclasses.dataclass(frozen=True)
class Layer:
    """Of a class of layers. What a field says of values is about those outside of training.

    Attributes:
        kernel: its kernel, if it has one.
        steps: (class, attribute of the kernel) of each layer that it is the same as in a chain.
        plain: layer -> the (layer, weights) that it is the same as in a chain; none: it is plain.
        operators: layer -> those that are one operator each, the first with its weights; none: it
            is one.
        width: its setting that says how many channels it makes.
        channels: how channels go through a use of it.
        op: the function of `keras.ops` that it is.
        is_function: it is the function that its settings name, and nothing else.
        moves: all it does is to move values, or to drop some.
        joins: likewise, of several tensors.
        idle: what comes in goes out.
        noisy: in training it makes noise of what comes in.
        pads: it puts zeros around what comes in.
        affine: (layer, rank of the input) -> the map that it is of each value, None for others.
        folds: layer -> (channels,) factor and offset that a kernel beside it can take over.
        moments: layer -> (means, variances) by which it normalizes its input's last axis, if so.
        is_finalized: whether `finalize_state` has to follow once its weights are set.
        hears: it makes of a sound what is loud here and quiet there.
        takes_numbers: whole numbers that come in are numbers, and floats come out.
        scales: f(s x) = s f(x) for s > 0, channel by channel.
        limit: layer -> up to what output it scales so, None if without end; or why it never does.
            Of a layer that also `scales` it says that it computes each value from itself alone.
        has_int8: it is one operator of LiteRT on integers,
        float_reason: layer -> "", or why it trains as floats with these settings.
        gains: its weights, all of which times a factor for each channel are what comes out times
            it; the first it must have.
        centers: its setting that says whether it adds an offset, the last of its gains.
        is_slow_in_integers: it is several operators, which a CPU runs slower on integers than on
            floats; after training they stay float among integer ones.
        in_integers: layer -> what stands in its place where each of these operators is to be one on
            integers; None where it stays float.
        keeps_range: that operator has one integer scale for what goes in and what comes out.
        fixes_range: it fixes the integer range of what comes out where its function has one.
        fuses: layer -> whether the converter puts it into the operator whose output it reads.
        may_vanish: there may be no operator for it in the file.
        is_one_operator: the converter makes one operator of its loop, where it may.
        twin: in the other Keras.
    """

    kernel: KernelAxes | None = None
    steps: tuple[tuple[str, str], ...] = ()
    plain: Callable[[Any], Sequence[tuple[Any, Sequence[np.ndarray]]]] = lambda layer: ()
    operators: Callable[[Any], Sequence[Any]] = lambda layer: ()
    width: str = ""
    channels: flows.Through = flows.needs_all
    op: str = ""
    is_function: bool = False
    moves: bool = False
    joins: bool = False
    idle: bool = False
    noisy: bool = False
    pads: bool = False
    affine: Callable[[Any, int], Map | None] | None = None
    folds: Callable[[Any], tuple[np.ndarray, np.ndarray]] | None = None
    moments: Callable[[Any], tuple[np.ndarray, np.ndarray] | None] | None = None
    is_finalized: bool = False
    hears: bool = False
    takes_numbers: bool = False
    scales: bool = False
    limit: Callable[[Any], float | str | None] = _unscaled
    has_int8: bool = False
    float_reason: Callable[[Any], str] = lambda layer: ""
    gains: tuple[str, ...] = ()
    centers: str = ""
    is_slow_in_integers: bool = False
    in_integers: Callable[[Any], Any] = lambda layer: None
    keeps_range: bool = False
    fixes_range: bool = False
    fuses: Callable[[Any], bool] = lambda layer: False
    may_vanish: bool = False
    is_one_operator: bool = False
    twin: Twin = Twin()

    @property
    def is_compressed(self) -> bool:
        """Whether it has a kernel that passes work on."""
        return self.kernel is not None and self.kernel.is_compressed


def of(layer: k.Layer) -> Layer:
    """What is known of a layer of either Keras."""
    return of_class(type(layer).__name__)


def of_class(name: str) -> Layer:
    """What is known of a class of layers."""
    return known().get(name, _UNKNOWN)


def slow_in_integers(model: k.Model) -> tuple[str, ...]:
    """The classes in a functional model that integer activations make slower on a CPU, sorted."""
    classes = {type(layer).__name__: of(layer) for layer in model._flatten_layers()}
    return tuple(sorted(name for name, found in classes.items() if found.is_slow_in_integers))


@functools.cache
def known() -> dict[str, Layer]:
    """Class name -> facts, of all classes that have any.

    Raises:
        RuntimeError: two files declare the same class.
    """
    from tfedge.compress.layers import classes

    found: dict[str, Layer] = {}
    for entry in pkgutil.iter_modules(classes.__path__):
        module = importlib.import_module(f"{classes.__name__}.{entry.name}")
        twice = found.keys() & module.LAYERS.keys()
        if twice:
            raise RuntimeError(f"{module.__name__} declares {', '.join(twice)} once more")
        found |= module.LAYERS
    return found


_UNKNOWN = Layer()
