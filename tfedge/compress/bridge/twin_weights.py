"""Copies the weights of a layer to its twin in the other Keras."""

from collections.abc import Iterator
from typing import Any

from tfedge.compress.bridge import dequantized, replay
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts
from tfedge.errors import BadInput


def copy(source: Any, twin: Any) -> None:
    """Gives `twin`, which must be built, the weights of `source` and what they follow from.

    Models within are left alone: their layers have twins of their own.

    Raises:
        BadInput: the twin's weights are not of the same number and shapes.
    """
    if replay.is_model(source):
        return
    parts = list(_parts(source, twin))
    theirs = _own_weights(twin, parts, 1)
    if dequantized.mode(source) and not parts:
        ours = dequantized.weights(source)
    else:
        ours = _own_weights(source, parts, 0)
    expected, found = [tuple(w.shape) for w in ours], [tuple(w.shape) for w in theirs]
    if expected != found:
        raise BadInput(
            f"layer {source.name!r}",
            f"its weights have the shapes {expected}, those of its twin {found}",
            "Give a twin with the same weights in the same order.",
        )
    for value, variable in zip(ours, theirs, strict=True):
        # Where nothing is cast the two share memory until one is written to.
        variable.assign(tf.cast(tf.convert_to_tensor(value), _dtype_name(variable)))
    if twin.trainable != source.trainable:
        twin.trainable = source.trainable
    for part, twin_part in parts:
        copy(part, twin_part)
    if facts.of(source).is_finalized:
        twin.finalize_state()


def _parts(source: Any, twin: Any) -> Iterator[tuple[Any, Any]]:
    for name in facts.of(source).twin.parts:
        yield getattr(source, name), getattr(twin, name)


def _own_weights(layer: Any, parts: list[tuple[Any, Any]], side: int) -> list[Any]:
    inner = {id(weight) for pair in parts for weight in pair[side].weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def _dtype_name(variable: Any) -> str:
    return getattr(variable.dtype, "name", variable.dtype)
