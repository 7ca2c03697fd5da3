"""How channels go through sums, concatenations and the operations between layers.

Operations that only move values are asked themselves where the channels go: they are run on an
array that holds the id of the channel in place of every value.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfedge.compress.bridge import operation, replay, tf_symbols
from tfedge.compress.channels.channel_walk import Flow, Walk
from tfedge.compress.keras import tf
from tfedge.errors import BadInput

LAYERS = ("Op", *tf_symbols.LAYERS)

_EACH_VALUE = frozenset(
    {
        *("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "power"),
        *("clip", "negative", "abs", "absolute", "sign", "square", "sqrt", "rsqrt", "reciprocal"),
        *("exp", "expm1", "log", "log1p", "sin", "cos", "erf", "floor", "ceil", "round", "cast"),
        *("stop_gradient", "relu", "relu6", "sigmoid", "tanh", "silu", "gelu", "selu", "softplus"),
        *("softsign", "elu", "leaky_relu", "hard_sigmoid", "hard_silu", "threshold"),
    }
)
_MOVES = frozenset({"transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "get_item"})
_AXES = ("axis", "keepdims")
_REDUCES = frozenset({"mean", "sum", "max", "min", "amax", "amin"})


def through(walk: Walk, call: replay.Call) -> Flow | None:
    """Follow the channels through one call of an operation layer."""
    layer, tensors = call.operation, call.tensors()
    is_op = type(layer).__name__ == "Op"
    try:
        found = (
            operation.of_op_layer(layer, call.args)
            if is_op
            else tf_symbols.read(layer, call.args, dict(call.kwargs))
        )
    except BadInput as error:
        return walk.stop(tensors, error.cause)
    if found.op in _EACH_VALUE and _lines_up(found, tensors):
        return combined(walk, call, tensors)
    if found.op == "concatenate":
        return concatenated(walk, call, tensors, found.settings.get("axis", 0))
    if found.op in ("reshape", *_MOVES, *_REDUCES) and len(tensors) == 1:
        flow = moved(walk, tensors[0], _on_ids(found), layer.name)
        if found.op == "reshape" and is_op and flow is not None:
            walk.reshaped[layer.name] = flow
            return flow
        return _unbroken(walk, tensors[0], flow, layer)
    return walk.stop(tensors, f"{layer.name} ({found.op}) needs all its channels")


def _lines_up(found: operation.Operation, tensors: Sequence[Any]) -> bool:
    """Whether values meet values of the same axes, or single constants."""
    given = replay.flat([found.arguments, found.settings])
    constants = [value for value in given if not replay.is_symbolic(value)]
    return (
        not any(np.size(value) > 1 for value in constants)
        and len({len(tensor.shape) for tensor in tensors}) == 1
    )


def combined(walk: Walk, call: replay.Call, tensors: Sequence[Any]) -> Flow | None:
    """Value with value: the channels of all operands go together; one that is broadcast stays."""
    flows = [walk.flow(tensor) for tensor in tensors]
    rank = len(call.outputs[0].shape)
    # Operands of lower rank are lined up at the end, after the batch.
    axes = {flow.axis + rank - len(t.shape) for t, flow in zip(tensors, flows, strict=True) if flow}
    if not axes:
        return None
    if len(axes) > 1:
        return walk.stop(tensors, f"{call.operation.name} lines channels up with other axes")
    axis = axes.pop()
    size = call.outputs[0].shape[axis]
    together: list[np.ndarray] = []
    blocked = ""
    for tensor, flow in zip(tensors, flows, strict=True):
        place = axis - rank + len(tensor.shape)
        width = tensor.shape[place] if place > 0 else 1
        if width == size and flow is None:
            blocked = f"{call.operation.name} joins them with channels that stay"
        elif flow is not None and width == size:
            together.append(flow.ids)
        elif flow is not None:
            walk.keep(flow.ids, f"{call.operation.name} broadcasts it")
    for ids in together[1:]:
        walk.join(together[0], ids)
    if blocked:
        for ids in together:
            walk.keep(ids, blocked)
    return None if blocked or not together else Flow(axis, together[0])


def concatenated(walk: Walk, call: replay.Call, tensors: Sequence[Any], axis: int) -> Flow | None:
    """End to end along the channels; along another axis they are joined as in a sum."""
    rank = len(call.outputs[0].shape)
    axis = axis % rank
    flows = [walk.flow(tensor) for tensor in tensors]
    if all(flow is None for flow in flows):
        return None
    if all(flow is None or flow.axis == axis for flow in flows):
        parts = [
            walk.fixed(tensor.shape[axis], "stays as it comes in") if flow is None else flow.ids
            for tensor, flow in zip(tensors, flows, strict=True)
        ]
        return Flow(axis, np.concatenate(parts))
    if any(flow is not None and flow.axis == axis for flow in flows):
        return walk.stop(tensors, f"{call.operation.name} lines channels up with other axes")
    return combined(walk, call, tensors)


def moved(walk: Walk, tensor: Any, function: Callable[[Any], Any], name: str) -> Flow | None:
    """The channels of what `function` makes of a tensor by moving values only.

    They stay where they do not lie along one axis afterwards, or where shapes are not fixed.
    """
    flow = walk.flow(tensor)
    if flow is None:
        return None
    shape = (1, *tensor.shape[1:])
    if None in shape:
        return walk.stop([tensor], f"{name} moves values of a shape that is not fixed")
    line = flow.ids.reshape([-1 if axis == flow.axis else 1 for axis in range(len(shape))])
    ids = np.broadcast_to(line, shape).astype(np.int32)
    try:
        found = np.asarray(function(tf.constant(ids)))
    except (TypeError, ValueError, tf.errors.OpError):
        return walk.stop([tensor], f"{name} needs all its channels")
    for axis in range(1, found.ndim):
        along = np.moveaxis(found, axis, -1).reshape(-1, found.shape[axis])
        if found.size and (along == along[0]).all():
            return Flow(axis, along[0].astype(np.int64))
    return walk.stop([tensor], f"{name} spreads channels over several axes")


def _on_ids(found: operation.Operation) -> Callable[[Any], Any]:
    """The operation as it moves channels."""
    op, settings = found.op, dict(found.settings)
    if op in _REDUCES:
        # The largest of equal ids is that id; of different ones it is no channel's.
        op, settings = "max", {key: settings[key] for key in _AXES if key in settings}

    from tfedge.compress.bridge import op_functions

    def run(ids: Any) -> Any:
        arguments = replay.substitute(
            list(found.arguments), lambda value: ids if replay.is_symbolic(value) else value
        )
        return op_functions.FUNCTIONS[op](*arguments, **settings)

    return run


def _unbroken(walk: Walk, tensor: Any, flow: Flow | None, layer: Any) -> Flow | None:
    """What keeps its settings must have kept every channel in its place."""
    if flow is None or np.array_equal(flow.ids, walk.flow(tensor).ids):  # type: ignore[union-attr]
        return flow
    return walk.stop([tensor], f"{layer.name} takes channels apart")
