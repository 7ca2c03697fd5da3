"""What a layer of Keras 3 computes, as a list of calls: its `call` is run on symbolic tensors.

So a composite layer, of a user's or of keras-hub, is known by the layers and operations that it is
made of. Only the class that this process has runs, never code of a file. Its own weights are
symbols too, else they would be constants.
"""

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import logging

from tfedge.compress import keras
from tfedge.compress.bridge import replay
from tfedge.compress.keras import tf

# One example: what a layer makes itself, such as a causal mask, broadcasts to any number of them.
BATCH = 1


@dataclasses.dataclass(frozen=True)
class Drawing:
    """What a layer computes.

    Attributes:
        weights: id of a symbol -> the variable, or the tensor kept by the layer, it stands for.
        calls: each after those it depends on.
        outputs: symbols in the structure that the layer returns.
        masks: of the outputs, flat; None where there is none.
    """

    weights: Mapping[int, Any]
    calls: Sequence[replay.Call]
    outputs: Any
    masks: Sequence[Any]

    def readers(self, symbol: Any) -> list[replay.Call]:
        """The calls that read a tensor."""
        return [call for call in self.calls if any(t is symbol for t in call.tensors())]


def symbol(shape: Sequence[int], dtype: str) -> Any:
    """A symbolic tensor of Keras 3."""
    return keras.keras3().Input(batch_shape=tuple(shape), dtype=dtype)


_KerasTensor: Any = keras.keras3().KerasTensor


class _Kept(_KerasTensor):
    """A symbol of what a layer keeps; it is sliced as a variable is: `places[:steps]`."""

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__((key,) if isinstance(key, slice) else key)


def of_layer(layer: Any, args: tuple, kwargs: Mapping[str, Any]) -> Drawing:
    """What a built layer computes of these arguments, symbols among them.

    Raises:
        Exception: whatever the layer raises on symbols.
    """
    try:
        return _drawn(layer, args, kwargs, (keras.keras3().Variable, tf.Tensor))
    except Exception:  # it may look into tensors of its own, which symbols have no values for
        return _drawn(layer, args, kwargs, (keras.keras3().Variable,))


def of_function(function: Callable[[Any], Any], given: Any) -> Drawing:
    """What a function computes of a symbol."""
    outputs = function(given)
    return Drawing({}, _calls([outputs]), outputs, [None])


def _drawn(layer: Any, args: tuple, kwargs: Mapping[str, Any], kinds: tuple) -> Drawing:
    named = _with_masks(layer, args, kwargs)
    with _as_symbols(layer, kinds) as weights, _sized(layer):
        outputs = layer.call(*args, **named)
        first = args[0] if args else next(iter(named.values()))
        masks = _masks(layer, first, named.get("mask"), outputs)
    needed = [*replay.flat(outputs), *(mask for mask in masks if mask is not None)]
    return Drawing(weights, _calls(needed), outputs, masks)


def _with_masks(layer: Any, args: tuple, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments, with the masks that travel beside tensors as Keras would add them."""
    signature = inspect.signature(layer.call)
    bound = signature.bind(*args, **kwargs).arguments
    tensors = {
        name: value
        for name, value in bound.items()
        if any(map(replay.is_symbolic, replay.flat(value)))
    }
    added: dict[str, Any] = {}
    for name, value in tensors.items():
        taken = "mask" if len(tensors) == 1 else f"{name}_mask"
        if taken in signature.parameters and bound.get(taken) is None:
            added[taken] = replay.substitute(value, mask_of)
    return {**kwargs, **added}


def mask_of(tensor: Any) -> Any:
    """The mask beside a tensor of either Keras, None where there is none."""
    return getattr(tensor, "_keras_mask", None)


def _masks(layer: Any, first: Any, given: Any, outputs: Any) -> list[Any]:
    flat = replay.flat(outputs)
    if not layer.supports_masking:
        return [None] * len(flat)
    previous = replay.substitute(first, mask_of) if given is None else given
    computed = layer.compute_mask(first, previous)
    masks = [] if computed is None else replay.flat(computed)
    return [*masks, *[None] * len(flat)][: len(flat)]


@contextlib.contextmanager
def _as_symbols(layer: Any, kinds: tuple) -> Iterator[dict[int, Any]]:
    """Symbols in place of what the layer keeps of some kinds; id of each -> what was there."""
    attributes = vars(layer)
    kept = {
        name: value
        for name, value in attributes.items()
        if isinstance(value, kinds) and len(value.shape) > 0
    }
    weights: dict[int, Any] = {}
    made: dict[int, Any] = {}
    for name, value in kept.items():
        if id(value) not in made:
            dtype = keras.keras3().backend.standardize_dtype(value.dtype)
            made[id(value)] = symbol(value.shape, dtype)
            made[id(value)].__class__ = _Kept
            weights[id(made[id(value)])] = value
        attributes[name] = made[id(value)]
    try:
        yield weights
    finally:
        attributes.update(kept)


@contextlib.contextmanager
def _sized(layer: Any) -> Iterator[None]:
    """The layers within say which sizes come out where they are known; not all of Keras' own do."""
    within = list(layer._flatten_layers(include_self=False))
    for each in within:
        vars(each)["symbolic_call"] = functools.partial(_symbolic_call, each)
    try:
        yield
    finally:
        for each in within:
            del vars(each)["symbolic_call"]


def _symbolic_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        outputs = type(layer).symbolic_call(layer, *args, **kwargs)
        if not any(None in each.shape for each in replay.flat(outputs)):
            return outputs
    except Exception:  # keras-hub's attention hands on arguments that Keras' does not expect here
        logging.debug("%s does not say what comes out", layer.name)
    return keras.keras3().Operation.compute_output_spec(layer, *args, **kwargs)


def _calls(outputs: Sequence[Any]) -> list[replay.Call]:
    """All that symbols are computed by, each after what it reads."""
    found: list[replay.Call] = []
    seen: set[int] = set()
    waiting = [(tensor, False) for tensor in outputs if replay.is_symbolic(tensor)]
    while waiting:
        tensor, is_read = waiting.pop()
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if is_read:
            found.append(replay.of_keras3_node(node))
        elif not (node.is_input or id(node) in seen):
            seen.add(id(node))
            waiting.append((tensor, True))
            waiting += [(each, False) for each in node.arguments.keras_tensors]
    return found
