"""RMS normalization as people write it with operations: one layer, which every technique knows."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.compress.bridge import keras_ops, replay


@dataclasses.dataclass(frozen=True)
class Normalization:
    """x * rsqrt(mean(x^2) + epsilon) * scale, over the last axis.

    Attributes:
        given: the symbol that is normalized.
        scale: that of its weights.
        epsilon: keeps the mean from being 0.
    """

    given: Any
    scale: Any
    epsilon: float


def find(calls: Sequence[replay.Call]) -> dict[int, Normalization]:
    """Id of the symbol that comes out -> what it is."""
    made = {id(call.outputs[0]): call for call in calls if len(call.outputs) == 1}
    found = {}
    for call in calls:
        for product, scale in _either_way(call, "multiply"):
            normalization = _unscaled(product, made, scale)
            if normalization is not None:
                found[id(call.outputs[0])] = normalization
    return found


def _unscaled(product: Any, made: Mapping[int, replay.Call], scale: Any) -> Normalization | None:
    for given, inverse in _either_way(made.get(id(product)), "multiply"):
        shifted = _only(made.get(id(inverse)), "rsqrt")
        for mean, epsilon in _either_way(made.get(id(shifted)), "add"):
            square = _mean_of(made.get(id(mean)))
            if isinstance(epsilon, float) and _is_square(made.get(id(square)), given):
                return Normalization(given, scale, epsilon)
    return None


def _either_way(call: replay.Call | None, op: str) -> list[tuple[Any, Any]]:
    """The two operands of an operation in both orders; none of another."""
    read = _read(call, op)
    return [(read[0], read[1]), (read[1], read[0])] if len(read) == 2 else []


def _only(call: replay.Call | None, op: str) -> Any:
    read = _read(call, op)
    return read[0] if read else None


def _mean_of(call: replay.Call | None) -> Any:
    """What a mean over the last axis, which stays as one, is of."""
    read = _read(call, "mean")
    if call is None or not read:
        return None
    last = (-1, len(read[0].shape) - 1)
    axes = replay.flat(call.operation.axis)
    return read[0] if call.operation.keepdims and axes and axes[0] in last else None


def _is_square(call: replay.Call | None, given: Any) -> bool:
    power = _read(call, "power")
    if power:
        return power[0] is given and power[1] == 2
    read = _read(call, "square") or _read(call, "multiply")
    return bool(read) and all(each is given for each in read)


def _read(call: replay.Call | None, op: str) -> tuple:
    """What an operation is called on; nothing of another."""
    is_op = call is not None and keras_ops.public_name(call.operation) == op
    return call.args if call is not None and is_op else ()
