"""What a model costs: parameters, multiply-adds, and milliseconds where someone can measure them.

Compression knows no devices. Whoever does hands a function in:

    with costs.measuring(milliseconds):      # tf_keras model -> ms of its .tflite
        recipe.apply(model, task)
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.channels import Channels
from tfedge.compress.layers import kernels, multiply_adds

Cost = Callable[[np.ndarray], float]  # (units,) bool, which are left -> cost
Milliseconds = Callable[[Any], float]

_MEASURE: contextvars.ContextVar[Milliseconds | None] = contextvars.ContextVar(
    "milliseconds", default=None
)


@contextlib.contextmanager
def measuring(milliseconds: Milliseconds) -> Iterator[None]:
    """Inside the block, `milliseconds(model)` says how long a tf_keras model takes."""
    token = _MEASURE.set(milliseconds)
    try:
        yield
    finally:
        _MEASURE.reset(token)


def milliseconds() -> Milliseconds | None:
    """The function in force, if any."""
    return _MEASURE.get()


def parameters(model: k.Model) -> int:
    """Weights of a model, those of BatchNormalization's statistics too; shared ones once."""
    return int(sum(np.prod(weight.shape) for weight in model.weights))


def total_multiply_adds(model: k.Model) -> int:
    """Multiply-adds of all kernels for one example, of a flat tf_keras model."""
    return sum(multiply_adds.of(model).values())


def counted(model: k.Model, channels: Channels, what: str) -> Cost:
    """How `what` of a model falls with its channels, without building a smaller one.

    Args:
        model: flat tf_keras model.
        channels: of the model.
        what: "parameters" or "multiply_adds".
    """
    along: dict[tuple[str, int], list[np.ndarray]] = {}
    for member in channels.members:
        along.setdefault((member.layer, member.weight), []).append(member.units)
    has_kernel = {kernel.layer for kernel in kernels.find(model)}
    operations = multiply_adds.of(model)
    sizes: list[tuple[float, list[np.ndarray]]] = []
    for layer in model.layers:
        for number, weight in enumerate(layer.weights):
            size = float(np.prod(weight.shape))
            if what == "multiply_adds":
                size = operations[layer.name] if layer.name in has_kernel and number == 0 else 0.0
            sizes.append((size, along.get((layer.name, number), [])))
    if what == "multiply_adds":
        sizes += [
            (count, list(channels.products.get(name, ())))
            for name, count in operations.items()
            if name not in has_kernel
        ]
    fixed = sum(size for size, axes in sizes if not axes)
    terms = [
        (size / float(np.prod([len(units) for units in axes])), axes)
        for size, axes in sizes
        if axes and size
    ]

    def cost(alive: np.ndarray) -> float:
        left = alive.astype(np.float32)
        return fixed + sum(
            rest * float(np.prod([left[units].sum() for units in axes])) for rest, axes in terms
        )

    return cost
