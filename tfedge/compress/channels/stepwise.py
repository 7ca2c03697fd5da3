"""Runs a model layer by layer over a few batches: weights may change right before their use.

What is computed stays until all that reads it has run, so one pass over the model gives what comes
into each of its layers.
"""

import collections
import functools
import math
from collections.abc import Collection
from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.bridge import replay
from tfedge.compress.keras import tf


class Run:
    """One pass over a flat model, as far as it was asked for."""

    def __init__(self, model: k.Model, batches: list[Any], asked: Collection[Any]):
        """Nothing runs yet.

        Args:
            model: flat tf_keras model, its layers called with the weights they have then.
            batches: inputs as the model is called on.
            asked: tensors of the model that `take` will be asked for, as often as it will.
        """
        self._calls = collections.deque(replay.calls(model))
        read = [id(each) for call in self._calls for each in call.tensors()]
        self._uses = collections.Counter([*read, *map(id, asked)])
        self._values: dict[int, list[Any]] = {}
        for number, tensor in enumerate(model.inputs):
            self._values[id(tensor)] = [
                model._conform_to_reference_input(tf.nest.flatten(x)[number], tensor)
                for x in batches
            ]
        self._count = len(batches)

    def take(self, tensor: k.Tensor) -> list[Any]:
        """Its values, batch by batch; all that it depends on has run then, and nothing else has to.

        Args:
            tensor: of the model, one of those `asked` for.
        """
        while id(tensor) not in self._values:
            self._step(self._calls.popleft())
        found = self._values[id(tensor)]
        self._used(tensor)
        return found

    def _step(self, call: replay.Call) -> None:
        made: list[list[Any]] = [[] for _ in call.outputs]
        for batch in range(self._count):
            change = functools.partial(self._value, batch)
            args, kwargs = replay.substitute((call.args, dict(call.kwargs)), change)
            outputs = replay.flat(call.operation(*args, **kwargs))
            for values, value in zip(made, outputs, strict=True):
                values.append(value)
        for tensor, values in zip(call.outputs, made, strict=True):
            if self._uses[id(tensor)]:
                self._values[id(tensor)] = values
        for tensor in call.tensors():
            self._used(tensor)

    def _value(self, batch: int, leaf: Any) -> Any:
        return self._values[id(leaf)][batch] if replay.is_symbolic(leaf) else leaf

    def _used(self, tensor: k.Tensor) -> None:
        self._uses[id(tensor)] -= 1
        if not self._uses[id(tensor)]:
            del self._values[id(tensor)]


def largest_bytes(model: k.Model, size: int) -> int:
    """Of a tensor between two layers of a flat model, for one example in float32.

    Args:
        model: flat tf_keras model.
        size: stands for sizes that are not fixed.
    """
    tensors = [tensor for call in replay.calls(model) for tensor in call.outputs]
    return 4 * max(math.prod(each or size for each in tensor.shape[1:]) for tensor in tensors)
