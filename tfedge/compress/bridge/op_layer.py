"""One layer for every operation between layers: `x * 2`, `x[:, 1:]`, `keras.ops.mean(x)`, ...

tf_keras wraps such operations in layers of its own that TFMOT cannot clone and that remember
a TensorFlow symbol instead of a `keras.ops` one. This one is plain data: the name of the
operation and its arguments, so it is saved, cloned and taken back to Keras 3 without loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.compress import keras
from tfedge.compress.bridge import op_arguments
from tfedge.compress.bridge.op_functions import FUNCTIONS
from tfedge.errors import BadInput

_tf = keras.tf


@keras.tf_keras.saving.register_keras_serializable("tfedge")
class Op(keras.tf_keras.layers.Layer):
    """An operation of `keras.ops`, as a tf_keras layer.

    Args:
        op: its name in `keras.ops`, a key of `op_functions.FUNCTIONS`.
        arguments: the positional arguments as JSON; `{"tensor": 0}` stands for the first of
            the tensors the layer is called on. None: those tensors, in order.
        settings: the keyword arguments, as JSON.

    Example:
        `Op("multiply", [{"tensor": 0}, 2.0])(x)` is `x * 2`.

    Raises:
        BadInput: an operation that is not in the table.
    """

    # Else tf_keras wraps the lists and dicts in trackers of its own.
    @_tf.__internal__.tracking.no_automatic_dependency_tracking
    def __init__(
        self,
        op: str,
        arguments: Sequence[Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        # Which dtype comes in decides which comes out, as it does for keras.ops.
        super().__init__(**{"autocast": False, **kwargs})
        if op not in FUNCTIONS:
            raise BadInput(
                f"layer {self.name!r}",
                f"operation keras.ops.{op} has no counterpart in tf_keras",
                "Replace it by a layer, or by one of the operations that have one.",
            )
        self.op, self.settings = op, dict(settings or {})
        self.arguments = arguments if arguments is None else list(arguments)

    def call(self, inputs):
        """Computes the operation on one tensor or a list of tensors."""
        tensors = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        arguments = (
            tensors if self.arguments is None else op_arguments.decode(self.arguments, tensors)
        )
        settings = {
            name: op_arguments.decode(value, tensors) for name, value in self.settings.items()
        }
        # AutoGraph has nothing to convert here, and trips over lambdas.
        function = _tf.autograph.experimental.do_not_convert(FUNCTIONS[self.op])
        return function(*arguments, **settings)

    def get_config(self):
        """JSON, enough to make the layer again."""
        arguments = {"op": self.op, "arguments": self.arguments, "settings": self.settings}
        return {**super().get_config(), **arguments}
