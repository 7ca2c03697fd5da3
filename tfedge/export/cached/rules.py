"""What each operator does with the axes of steps and keys."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tfedge.export.cached.walk import Axes, KeysFirstError, NotByStepsError, Walk

Rule = Callable[[Walk, int, Any], Axes]

_MIXES = "brings steps together"


def of(walk: Walk, number: int, operator: Any) -> Axes:
    """Of the outputs of an operator that reads something of tokens.

    Args:
        walk: up to the operator.
        number: its place.
        operator: itself.

    Raises:
        NotByStepsError: it needs more than one step at a time, or nobody knows.
    """
    rule = _RULES.get(walk.kind(operator))
    if rule is None:
        raise NotByStepsError("is not known to work on each step alone")
    return rule(walk, number, operator)


def aligned(walk: Walk, operator: Any) -> bool:
    """Whether inputs that do not depend on tokens go with an output's axes, from the last on."""
    return _RULES[walk.kind(operator)] is _broadcast


def sizes_input(kind: str) -> int:
    """The input that holds the sizes of the output; -1 where none does."""
    return _SIZES.get(kind, -1)


def _only(walk: Walk, operator: Any) -> tuple[int, Axes]:
    """The one input that depends on tokens."""
    found = [int(index) for index in operator.inputs if int(index) in walk.axes]
    if len(found) != 1:
        raise NotByStepsError("reads several things of tokens")
    return found[0], walk.axes[found[0]]


def _same(walk: Walk, _: int, operator: Any) -> Axes:
    return _only(walk, operator)[1]


def _broadcast(walk: Walk, number: int, operator: Any) -> Axes:
    """Axes as distances from the end, where operands of fewer axes are aligned."""
    given = [(place, int(index)) for place, index in enumerate(operator.inputs)]
    given = [(place, index) for place, index in given if index in walk.axes]
    seen = [_from_end(walk, index) for _, index in given]
    keys = {each.keys for each in seen} - {None}
    if not keys and len({each.steps for each in seen} - {None}) > 1:
        keys = {-1}  # a mask of pairs: of whom is looked at from where
    for (place, index), each in zip(given, seen, strict=True):
        if each.steps is not None and each.steps in keys:
            walk.look(number, place, index, "mask")
    steps = {each.steps for each in seen} - {None} - keys
    if len(keys) > 1:
        for _, index in given:
            _turn(walk, index)
    if len(steps) > 1 or len(keys) > 1:
        raise NotByStepsError(_MIXES)
    rank = len(walk.shape(int(operator.outputs[0])))
    return Axes(next(iter(steps), None), next(iter(keys), None)).moved(lambda axis: axis + rank)


def _from_end(walk: Walk, tensor: int) -> Axes:
    rank = len(walk.shape(tensor))
    return walk.axes[tensor].moved(lambda axis: axis - rank)


def _last_apart(walk: Walk, _: int, operator: Any) -> Axes:
    """Works along the last axis; keys that nobody has written yet are masked."""
    tensor, axes = _only(walk, operator)
    if axes.steps != len(walk.shape(tensor)) - 1:
        return axes
    _turn(walk, tensor)
    raise NotByStepsError(_MIXES)


def _turn(walk: Walk, scores: int) -> None:
    """Begins again, if there is a product that scores come from, with its keys on the left."""
    producers = {
        int(output): (number, operator)
        for number, operator in enumerate(walk.graph.operators)
        for output in operator.outputs
    }
    found: int | None = scores
    while found is not None:
        number, operator = producers[found]
        if walk.kind(operator) == "BATCH_MATMUL" and number not in walk.keys_first:
            raise KeysFirstError(number)
        read = map(int, operator.inputs)
        found = next((i for i in read if i in walk.axes and walk.axes[i].keys is not None), None)


def _rows(walk: Walk, _: int, operator: Any) -> Axes:
    """A dense layer: what is in front of the last axis stays, maybe as one axis."""
    axes = walk.axes.get(int(operator.inputs[0]))
    before, after = walk.shape(int(operator.inputs[0])), walk.shape(int(operator.outputs[0]))
    if axes is None or axes.keys is not None or axes.steps == len(before) - 1:
        raise NotByStepsError(_MIXES)
    return _kept(axes, before[:-1], after[:-1])


def _reshape(walk: Walk, _: int, operator: Any) -> Axes:
    tensor, axes = _only(walk, operator)
    return _kept(axes, walk.shape(tensor), walk.shape(int(operator.outputs[0])))


def _kept(axes: Axes, before: Sequence[int], after: Sequence[int]) -> Axes:
    """Where axes are that no other is joined with: as many values lie in front of them."""

    def place(axis: int) -> int:
        lead = math.prod(before[:axis])
        for other, size in enumerate(after):
            if size == before[axis] and math.prod(after[:other]) == lead:
                return other
        raise NotByStepsError("joins steps with another axis")

    return axes.moved(place)


def _transpose(walk: Walk, _: int, operator: Any) -> Axes:
    order = walk.numbers(int(operator.inputs[1]))
    return _only(walk, operator)[1].moved(order.index)


def _reduce(walk: Walk, _: int, operator: Any) -> Axes:
    tensor, axes = _only(walk, operator)
    rank = len(walk.shape(tensor))
    over = {axis % rank for axis in walk.numbers(int(operator.inputs[1]))}
    if over & {axes.steps, axes.keys}:
        raise NotByStepsError(_MIXES)
    if operator.builtinOptions.keepDims:
        return axes
    return axes.moved(lambda axis: axis - sum(other < axis for other in over))


def _matmul(walk: Walk, number: int, operator: Any) -> Axes:
    """Scores of queries and keys, or values summed by such scores."""
    left, right = (int(index) for index in operator.inputs[:2])
    if left not in walk.axes or right not in walk.axes:
        return _matmul_by_constant(walk, operator)
    options, axes, other = operator.builtinOptions, walk.axes[left], walk.axes[right]
    rank, other_rank = len(walk.shape(left)), len(walk.shape(right))
    row, inner = (rank - 1, rank - 2) if options.adjX else (rank - 2, rank - 1)
    contracted, column = (
        (other_rank - 1, other_rank - 2) if options.adjY else (other_rank - 2, other_rank - 1)
    )
    out = len(walk.shape(int(operator.outputs[0])))
    if axes == Axes(row) and other == Axes(column):
        if number in walk.keys_first:
            walk.look(number, 0, left, "k")
            return Axes(out - 1, out - 2)
        walk.look(number, 1, right, "k")
        return Axes(out - 2, out - 1)
    if axes == Axes(row, inner) and other == Axes(contracted):
        walk.look(number, 1, right, "v")
        return Axes(out - 2)
    if axes == Axes(inner) and other == Axes(column, contracted):
        walk.look(number, 0, left, "v")
        return Axes(out - 1)
    raise NotByStepsError("multiplies steps otherwise than queries, keys and values")


def _matmul_by_constant(walk: Walk, operator: Any) -> Axes:
    """A dense layer that is written as one."""
    left = int(operator.inputs[0])
    axes, rank = walk.axes.get(left), len(walk.shape(left))
    inner = rank - 2 if operator.builtinOptions.adjX else rank - 1
    if axes is None or axes.keys is not None or axes.steps == inner or operator.builtinOptions.adjX:
        raise NotByStepsError(_MIXES)
    out = len(walk.shape(int(operator.outputs[0])))
    return axes.moved(lambda axis: axis - rank + out)


def _gather(walk: Walk, _: int, operator: Any) -> Axes:
    """Rows of a table, or chosen parts of another axis."""
    table, chosen = (int(index) for index in operator.inputs[:2])
    axis = operator.builtinOptions.axis % len(walk.shape(table))
    if operator.builtinOptions.batchDims or (table in walk.axes and chosen in walk.axes):
        raise NotByStepsError(_MIXES)
    if chosen in walk.axes:
        return walk.axes[chosen].moved(lambda each: each + axis)
    axes, more = walk.axes[table], len(walk.shape(chosen)) - 1
    if axis in (axes.steps, axes.keys):
        raise NotByStepsError(_MIXES)
    return axes.moved(lambda each: each + more * (each > axis))


def _concatenate(walk: Walk, _: int, operator: Any) -> Axes:
    seen = {walk.axes.get(int(index), Axes()) for index in operator.inputs}
    axes = seen.pop()
    if seen or operator.builtinOptions.axis % len(walk.shape(int(operator.outputs[0]))) in (
        axes.steps,
        axes.keys,
    ):
        raise NotByStepsError(_MIXES)
    return axes


def _pack(walk: Walk, _: int, operator: Any) -> Axes:
    """Tensors along a new axis, as rotary embeddings write halves that change places."""
    seen = {walk.axes.get(int(index), Axes()) for index in operator.inputs}
    axes = seen.pop()
    if seen:
        raise NotByStepsError(_MIXES)
    new = operator.builtinOptions.axis % len(walk.shape(int(operator.outputs[0])))
    return axes.moved(lambda axis: axis + (axis >= new))


def _tile(walk: Walk, _: int, operator: Any) -> Axes:
    """Heads that share keys and values are repeated."""
    axes, times = _only(walk, operator)[1], walk.numbers(int(operator.inputs[1]))
    if any(axis is not None and times[axis] != 1 for axis in (axes.steps, axes.keys)):
        raise NotByStepsError("repeats steps")
    return axes


def _part(walk: Walk, _: int, operator: Any) -> Axes:
    """A part of another axis: steps and keys stay as many as they were."""
    tensor, axes = _only(walk, operator)
    before = walk.shape(tensor)
    for index in operator.outputs:
        after = walk.shape(int(index))
        if len(after) != len(before) or any(
            axis is not None and after[axis] != before[axis] for axis in (axes.steps, axes.keys)
        ):
            raise NotByStepsError("takes some of the steps")
    return axes


_ALONE = (
    *("CAST", "DEQUANTIZE", "QUANTIZE", "GELU", "LOGISTIC", "TANH", "RELU", "RELU6", "ELU"),
    *("LEAKY_RELU", "HARD_SWISH", "EXP", "LOG", "RSQRT", "SQRT", "SQUARE", "ABS", "NEG"),
    *("SIN", "COS", "SIGN", "LOGICAL_NOT", "EMBEDDING_LOOKUP"),
)
_PAIRWISE = (
    *("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM", "POW", "PRELU"),
    *("SELECT", "SELECT_V2", "EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER"),
    *("GREATER_EQUAL", "LOGICAL_AND", "LOGICAL_OR", "BROADCAST_TO"),
)
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_ALONE, _same),
    **dict.fromkeys(_PAIRWISE, _broadcast),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"), _last_apart),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), _reduce),
    **dict.fromkeys(("RESHAPE", "EXPAND_DIMS", "SQUEEZE"), _reshape),
    **dict.fromkeys(("SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE"), _part),
    "GATHER": _gather,
    "FULLY_CONNECTED": _rows,
    "BATCH_MATMUL": _matmul,
    "CONCATENATION": _concatenate,
    "PACK": _pack,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
}
_SIZES = {"RESHAPE": 1, "BROADCAST_TO": 1, "SLICE": 2, "STRIDED_SLICE": 2}
