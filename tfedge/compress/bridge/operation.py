"""An operation between layers, as data, and its form in a model of either Keras.

It may have been an operation of Keras 3, one of our `Op` layers, or one of the layers tf_keras
makes of `x + y` and `tf.nn.relu6(x)`; see keras_ops and tf_symbols for how those are read.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import op_arguments, replay
from tfedge.errors import BadInput

# Two tensors of one shape family: tf_keras has layers for that, which every technique knows.
_MERGE_LAYERS = {
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "maximum": "Maximum",
    "minimum": "Minimum",
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """A call of a function of `keras.ops`.

    Attributes:
        op: the function's name.
        arguments: positional arguments; symbolic tensors among constants, in any structure.
        settings: keyword arguments, constants only.
    """

    op: str
    arguments: Sequence[Any]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def tensors(self) -> list[Any]:
        """The symbolic tensors among the arguments, in order."""
        return [value for value in replay.flat(self.arguments) if replay.is_symbolic(value)]


def in_tf_keras(operation: Operation, name: str, masked: bool = False) -> Any:
    """The outputs of the operation in a tf_keras model: a merge layer where one fits, else `Op`.

    Args:
        operation: its tensors are those of tf_keras.
        name: of the layer.
        masked: some tensor carries a mask. A merge layer would pass it on, an operation does not.

    Raises:
        BadInput: an operation without counterpart.
    """
    layers, tensors = keras.tf_keras.layers, operation.tensors()
    values = operation.arguments[0] if operation.op == "concatenate" else operation.arguments
    if not masked and _alike(values):
        if operation.op in _MERGE_LAYERS:
            return getattr(layers, _MERGE_LAYERS[operation.op])(name=name)(tensors)
        if operation.op == "concatenate" and operation.settings.get("axis", 0) != 0:
            return layers.Concatenate(operation.settings["axis"], name=name)(tensors)

    from tfedge.compress.bridge import op_layer

    def index(value: Any) -> int | None:
        return next((i for i, tensor in enumerate(tensors) if tensor is value), None)

    try:
        arguments = [op_arguments.encode(value, index) for value in operation.arguments]
        settings = {key: op_arguments.encode(v, index) for key, v in operation.settings.items()}
    except TypeError as error:
        raise BadInput(
            f"operation {name!r} (keras.ops.{operation.op})", str(error), "Use constants."
        ) from error
    layer = op_layer.Op(operation.op, arguments, settings, name=name)
    return layer(tensors[0] if len(tensors) == 1 else tensors)


def of_op_layer(layer: Any, args: tuple) -> Operation:
    """What an `Op` layer computes on these tensors."""
    tensors = replay.flat(args)
    arguments = (
        tensors if layer.arguments is None else op_arguments.decode(layer.arguments, tensors)
    )
    settings = {key: op_arguments.decode(v, tensors) for key, v in layer.settings.items()}
    return Operation(layer.op, arguments, settings)


def in_keras3(operation: Operation, name: str) -> Any:
    """The outputs of the operation in a Keras 3 model."""
    ops = keras.keras3().ops
    arguments = list(operation.arguments)
    settings = {key: _tuples(value) for key, value in operation.settings.items()}
    if operation.op == "get_item":
        tensor, key = arguments
        outputs = tensor[tuple(key) if isinstance(key, list) else key]
    elif operation.op == "einsum":
        outputs = ops.einsum(settings["subscripts"], *arguments)
    else:
        outputs = functools.reduce(getattr, operation.op.split("."), ops)(*arguments, **settings)
    for tensor in replay.flat(outputs):
        tensor._keras_history.operation.name = name
    return outputs


def _alike(values: Any) -> bool:
    """Whether a merge layer lines these up as an operation does.

    Where ranks differ, it matches axes from the front and an operation from the back.
    """
    if len(values) < 2 or not all(replay.is_symbolic(v) for v in values):
        return False
    kinds = {(len(v.shape), v.dtype, v.shape[0] if len(v.shape) else None) for v in values}
    return len(kinds) == 1 and len(values[0].shape) > 1


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
