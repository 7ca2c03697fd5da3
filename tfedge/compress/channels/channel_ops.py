"""How channels go through the operations between layers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.bridge import operation, replay, tf_symbols
from tfedge.compress.layers import flows, operations
from tfedge.compress.layers.channel_walk import Flow, Use, Walk
from tfedge.errors import BadInput

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


def through(walk: Walk, call: replay.Call, use: Use) -> Flow | None:
    """Follow the channels through one call of an operation layer, which is this use of it."""
    layer, tensors = use.layer, use.tensors
    is_op = operations.is_ours(layer)
    try:
        found = (
            operation.of_op_layer(layer, call.args)
            if is_op
            else tf_symbols.read(layer, call.args, dict(call.kwargs))
        )
    except BadInput as error:
        return walk.stop(tensors, error.cause)
    if found.op in _EACH_VALUE and _lines_up(found, tensors):
        return flows.combined(walk, use)
    if found.op == "concatenate":
        return flows.concatenated(walk, use, found.settings.get("axis", 0))
    if found.op in ("reshape", *_MOVES, *_REDUCES) and len(tensors) == 1:
        flow = flows.moved(walk, use, _on_ids(found))
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


def _unbroken(walk: Walk, tensor: k.Tensor, flow: Flow | None, layer: k.Layer) -> Flow | None:
    """What keeps its settings must have kept every channel in its place."""
    if flow is None or np.array_equal(flow.ids, walk.flow(tensor).ids):  # type: ignore[union-attr]
        return flow
    return walk.stop([tensor], f"{layer.name} takes channels apart")
