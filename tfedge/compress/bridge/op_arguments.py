"""The arguments of an operation as JSON, with its tensors numbered, and back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress.keras import tf


def encode(value: Any, tensor_index: Callable[[Any], int | None]) -> Any:
    """An argument of an operation as JSON; `tensor_index` numbers the tensors among them.

    Raises:
        TypeError: a value that has no JSON form.
    """
    index = tensor_index(value)
    if index is not None:
        return {"tensor": index}
    if isinstance(value, slice):
        return {"slice": [encode(v, tensor_index) for v in (value.start, value.stop, value.step)]}
    if isinstance(value, list | tuple):
        return [encode(v, tensor_index) for v in value]
    return _encode_constant(value)


def _encode_constant(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, tf.DType):
        return value.name
    array = np.asarray(value)
    if array.dtype == object:
        raise TypeError(f"{value!r} cannot be written down")
    return {"array": array.tolist(), "dtype": array.dtype.name}


def decode(value: Any, tensors: Sequence[Any]) -> Any:
    """The opposite of `encode`."""
    if isinstance(value, list | tuple):
        return [decode(v, tensors) for v in value]
    if not isinstance(value, Mapping):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "array" in value:
        return np.array(value["array"], value["dtype"])
    if "ellipsis" in value:
        return Ellipsis
    return slice(*decode(value["slice"], tensors))
