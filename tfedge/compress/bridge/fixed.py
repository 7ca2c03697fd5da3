"""Values that a composite layer keeps, and what operations on them are as layers of tf_keras.

A matrix that is multiplied with, a table that rows are taken from, and what is added at each place
become Dense, EinsumDense, Embedding and `PositionBias`, so that every technique knows them. Any
other weight is a tensor of its own, see `composites.weight`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras
from tfedge.compress.bridge import convnext, operation, replay, rms_normalization
from tfedge.compress.bridge.operation import Operation
from tfedge.compress.composites import position_bias, weight
from tfedge.compress.keras import tf


@dataclasses.dataclass(frozen=True, eq=False)
class Fixed:
    """A value that is the same whatever comes into the model.

    Attributes:
        value: its array.
        is_trained: whether training changes it.
        origin: the variable that has it, None where it is computed from some.
        name: of that variable.
    """

    value: np.ndarray
    is_trained: bool
    origin: Any = None
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in a twin an operation is.

    Attributes:
        name: of its layer.
        named: name -> that of a layer for a weight of that name.
        beside: a tensor with a batch, of the same model.
        kept: (id of a variable, class) -> the layer that has it, of a layer called several times.
    """

    name: str
    named: Callable[[str], str]
    beside: Any
    kept: dict[tuple[int, str], Any]

    def layer(self, given: Fixed, kind: type, *args: Any, **settings: Any) -> Any:
        """A layer for a weight; that of an earlier call where there is one."""
        key = (id(given.origin), kind.__name__)
        if given.origin is None or key not in self.kept:
            name = self.named(given.name) if given.name else self.name
            self.kept[key] = kind(*args, **settings, name=name, trainable=given.is_trained)
        return self.kept[key]


def of(value: Any) -> Fixed:
    """A variable of Keras 3, or a tensor that a layer keeps."""
    is_variable = isinstance(value, keras.keras3().Variable)
    array = _single(np.asarray(value))
    trained = is_variable and bool(value.trainable) and array.dtype.kind == "f"
    return Fixed(array, trained, value if is_variable else None, value.name if is_variable else "")


def computed(call: replay.Call, args: tuple, kwargs: Mapping[str, Any]) -> list[Fixed]:
    """The outputs of a call that reads fixed values alone."""
    read = [leaf for leaf in replay.flat((args, kwargs)) if isinstance(leaf, Fixed)]
    trained = any(each.is_trained for each in read) or any(
        variable.trainable for variable in getattr(call.operation, "variables", ())
    )
    args, kwargs = replay.substitute((args, dict(kwargs)), _array)
    outputs = replay.flat(call.operation(*args, **kwargs))
    arrays = [_single(np.asarray(output)) for output in outputs]
    origin = read[0].origin if len(read) == 1 and _is_same(arrays, read[0]) else None
    name = read[0].name if read else ""
    return [Fixed(a, trained and a.dtype.kind == "f", origin, name) for a in arrays]


def bias_of(call: replay.Call, read: Fixed | None, found: Operation) -> bool:
    """Whether what alone reads a product adds a number for each of its channels."""
    return (
        read is not None
        and type(call.operation).__name__ == "Add"
        and read.value.shape == (found.arguments[1].value.shape[-1],)
    )


def is_matrix(found: Operation) -> bool:
    """Whether an operation multiplies a tensor by a matrix of weights."""
    return (
        found.op in ("matmul", "dot")
        and len(found.arguments) == 2
        and isinstance(found.arguments[1], Fixed)
        and found.arguments[1].value.ndim == 2
        and found.arguments[1].is_trained
    )


def dense(found: Operation, place: Place, bias: Fixed | None) -> Any:
    """The product of a tensor and a matrix, with what is added to each channel."""
    tensor, matrix = found.arguments
    kind, columns = keras.tf_keras.layers.Dense, matrix.value.shape[-1]
    layer = place.layer(matrix, kind, columns, use_bias=bias is not None)
    outputs = layer(tensor)
    layer.set_weights([matrix.value, *([] if bias is None else [bias.value])])
    return outputs


def normalized(tensor: Any, scale: Fixed, epsilon: float, place: Place) -> Any:
    """RMS normalization of the last axis."""
    layer = place.layer(scale, rms_normalization.RMSNormalization, -1, epsilon)
    outputs = layer(tensor)
    layer.set_weights([scale.value])
    return outputs


def in_tf_keras(found: Operation, place: Place) -> Any:
    """The outputs of an operation that reads fixed values and tensors."""
    made = _FORMS[found.op](found, place) if found.op in _FORMS else None
    if made is not None:
        return made
    arguments = replay.substitute(list(found.arguments), lambda each: tensor_of(each, place))
    settings = replay.substitute(dict(found.settings), _array)
    return operation.in_tf_keras(Operation(found.op, arguments, settings), place.name, True)


def tensor_of(value: Any, place: Place) -> Any:
    """A fixed value as what an operation reads; others as they are."""
    if not isinstance(value, Fixed):
        return value
    if not value.is_trained:
        return value.value
    layer = place.layer(value, weight.Weight, value.value.shape)
    outputs = layer(place.beside)
    layer.set_weights([value.value])
    return outputs


def for_each_example(value: Fixed, place: Place) -> Any:
    """(1, ...) weights as a tensor (batch, ...)."""
    zeros = weight.ZerosFor(value.value.shape[1:], name=f"{place.name}_zeros")(place.beside)
    return _added(zeros, value, place)


def _taken(found: Operation, place: Place) -> Any:
    """Rows of a table by their numbers."""
    table, numbers = found.arguments[:2]
    axis = found.settings.get("axis")
    known = isinstance(table, Fixed) and table.is_trained and table.value.ndim == 2
    if not known or axis not in (0, -2) or isinstance(numbers, Fixed):
        return None
    layer = place.layer(table, keras.tf_keras.layers.Embedding, *table.value.shape)
    outputs = layer(numbers)
    layer.set_weights([table.value])
    return outputs


def _summed(found: Operation, place: Place) -> Any:
    """What an equation makes of a tensor and weights."""
    if len(found.arguments) != 2:
        return None
    (left, right), settings = found.arguments, found.settings
    read, made = settings["subscripts"].replace(" ", "").split("->")
    first, second = read.split(",")
    if isinstance(left, Fixed):
        left, right, first, second = right, left, second, first
    if isinstance(left, Fixed) or not (isinstance(right, Fixed) and right.is_trained):
        return None
    sizes = dict(zip(second, right.value.shape, strict=True)) if "." not in second else {}
    names = made.replace("...", "")
    shape = [
        sizes.get(letter) or left.shape[_place_of(letter, first, len(left.shape))]
        for letter in names[("..." not in made) :]
    ]
    kind = keras.tf_keras.layers.EinsumDense
    layer = place.layer(right, kind, f"{first},{second}->{made}", tuple(shape))
    outputs = layer(left)
    layer.set_weights([right.value])
    return outputs


def _place_of(letter: str, letters: str, rank: int) -> int:
    """The axis of a letter, behind an ellipsis as well."""
    before, _, behind = letters.partition("...")
    if letter in before:
        return before.index(letter)
    return rank - len(behind) + behind.index(letter)


def _biased(found: Operation, place: Place) -> Any:
    """The same added at each place of every example."""
    left, right = found.arguments
    tensor, value = (right, left) if isinstance(left, Fixed) else (left, right)
    if isinstance(tensor, Fixed) or not isinstance(value, Fixed) or not value.is_trained:
        return None
    return _added(tensor, value, place)


def _added(tensor: Any, value: Fixed, place: Place) -> Any:
    array = value.value
    while array.ndim and array.shape[0] == 1 and array.ndim > 1:
        array = array[0]
    if not array.ndim or array.ndim >= len(tensor.shape):
        return None
    if tuple(tensor.shape[-array.ndim :]) != array.shape:
        return None
    layer = place.layer(value, position_bias.PositionBias, array.ndim)
    outputs = layer(tensor)
    layer.set_weights([array])
    return outputs


def _scaled(found: Operation, place: Place) -> Any:
    """Each channel times a weight."""
    left, right = found.arguments
    tensor, value = (right, left) if isinstance(left, Fixed) else (left, right)
    channels = value.value.shape if isinstance(value, Fixed) else None
    if isinstance(tensor, Fixed) or not value.is_trained or channels != (tensor.shape[-1],):
        return None
    layer = place.layer(value, convnext.LayerScale, 1.0, channels[0])
    outputs = layer(tensor)
    layer.set_weights([value.value])
    return outputs


def _beside(found: Operation, place: Place) -> Any:
    """Weights that every example has, such as a class token, put beside its own values."""
    made = _more_places(found, place)
    if made is not None:
        return made
    tensors = [
        for_each_example(each, dataclasses.replace(place, name=f"{place.name}_{number}"))
        if isinstance(each, Fixed)
        else each
        for number, each in enumerate(found.arguments[0])
    ]
    return operation.in_tf_keras(Operation(found.op, [tensors], found.settings), place.name)


def _more_places(found: Operation, place: Place) -> Any:
    """One of each in a sequence, None for others."""
    tensors = found.arguments[0]
    kept = [each for each in tensors if isinstance(each, Fixed)]
    axis, is_sequence = found.settings.get("axis", 0), all(_rank(each) == 3 for each in tensors)
    if len(tensors) != 2 or len(kept) != 1 or axis not in (1, -2) or not is_sequence:
        return None
    value, at_end = kept[0], kept[0] is tensors[1]
    if not value.is_trained or value.value.shape[0] != 1:
        return None
    count = value.value.shape[1]
    layer = place.layer(value, position_bias.MorePlaces, count, at_end)
    outputs = layer(tensors[0] if at_end else tensors[1])
    layer.set_weights([value.value[0]])
    return outputs


def _rank(value: Any) -> int:
    return len((value.value if isinstance(value, Fixed) else value).shape)


_FORMS: dict[str, Callable[[Operation, Place], Any]] = {
    "take": _taken,
    "einsum": _summed,
    "add": _biased,
    "multiply": _scaled,
    "concatenate": _beside,
}


def _array(value: Any) -> Any:
    return tf.constant(value.value) if isinstance(value, Fixed) else value


def _single(array: np.ndarray) -> np.ndarray:
    """Half and double precision as float32."""
    is_half = array.dtype.name in ("bfloat16", "float16", "float64")
    return array.astype(np.float32) if is_half else array


def _is_same(arrays: Sequence[np.ndarray], read: Fixed) -> bool:
    return (
        len(arrays) == 1
        and arrays[0].shape == read.value.shape
        and bool(np.array_equal(arrays[0], read.value))
    )
