"""How channels go through the operations between layers."""

import string
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
        *("softsign", "elu", "leaky_relu", "hard_sigmoid", "hard_silu", "threshold", "where"),
    }
)
_MOVES = frozenset({"transpose", "swapaxes", "moveaxis", "expand_dims", "squeeze", "get_item"})
_SHARES = frozenset({"softmax", "log_softmax"})
_AXES = ("axis", "keepdims")
_REDUCES = frozenset({"mean", "sum", "max", "min", "amax", "amin"})


def through(walk: Walk, call: replay.Call, use: Use) -> Flow | None:
    """Follow the channels through one call of an operation layer, which is this use of it."""
    layer = use.layer
    try:
        found = (
            operation.of_op_layer(layer, call.args)
            if operations.is_ours(layer)
            else tf_symbols.read(layer, call.args, dict(call.kwargs))
        )
    except BadInput as error:
        return walk.stop(use.tensors, error.cause)
    return _through(walk, use, found)


def _through(walk: Walk, use: Use, found: operation.Operation) -> Flow | None:
    if found.op in _EACH_VALUE and _lines_up(walk, found, use.tensors):
        return flows.combined(walk, use)
    if found.op == "concatenate":
        return flows.concatenated(walk, use, found.settings.get("axis", 0))
    if found.op in _SHARES and not _runs_along(walk, found):
        return walk.flow(use.tensors[0])
    letters = _letters(found)
    if letters is not None and len(use.tensors) == 2:
        return flows.product(walk, use, *letters)
    if found.op in ("reshape", "repeat", *_MOVES, *_REDUCES) and len(use.tensors) == 1:
        return _moved(walk, use, found)
    return walk.stop(use.tensors, f"{use.layer.name} ({found.op}) needs all its channels")


def _moved(walk: Walk, use: Use, found: operation.Operation) -> Flow | None:
    flow = flows.moved(walk, use, _on_ids(found))
    times = (*found.arguments[1:], *found.settings.values())
    if flow is None or (found.op == "repeat" and max(map(np.size, times)) == 1):
        return flow  # however many are left, each is there as often as before
    if found.op == "reshape" and operations.is_ours(use.layer):
        return _reshaped(walk, use, flow)
    return _unbroken(walk, use.tensors[0], flow, use.layer)


def _lines_up(walk: Walk, found: operation.Operation, tensors: Sequence[Any]) -> bool:
    """Whether values meet values of the same axes, and constants that are alike for all channels.

    A constant has fewer axes or as many, from the end.
    """
    given = replay.flat([found.arguments, found.settings])
    shapes = [np.shape(value) for value in given if not replay.is_symbolic(value)]
    ranks = {len(tensor.shape) for tensor in tensors}
    flowing = {flow.axis for flow in map(walk.flow, tensors) if flow is not None}
    places = {axis - rank for axis in flowing for rank in ranks}
    one_for_all = all(
        shape[place] == 1 for shape in shapes for place in places if -place <= len(shape)
    )
    return one_for_all and len(ranks) == 1


def _letters(found: operation.Operation) -> tuple[list[str], str] | None:
    """A letter for each axis of the two tensors that are multiplied, and of what is made."""
    if found.op == "einsum":
        read, _, made = str(found.settings["subscripts"]).replace(" ", "").partition("->")
        return (read.split(","), made) if made and "." not in read else None
    tensors = found.tensors()
    ranks = {len(tensor.shape) for tensor in tensors}
    if found.op != "matmul" or len(ranks) > 1 or found.settings:
        return None
    batch = string.ascii_lowercase[: ranks.pop() - 2]
    return [f"{batch}xy", f"{batch}yz"], f"{batch}xz"


def _runs_along(walk: Walk, found: operation.Operation) -> bool:
    """Whether the axis of an operation is that of the channels."""
    tensor, axis, *_ = (*found.arguments, found.settings.get("axis", -1))
    flow = walk.flow(tensor)
    return flow is not None and flow.axis == axis % len(tensor.shape)


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


def _reshaped(walk: Walk, use: Use, flow: Flow) -> Flow | None:
    if None in use.output.shape[1:]:
        reason = f"{use.layer.name} moves values of a shape that is not fixed"
        return walk.stop(use.tensors, reason)
    walk.reshaped[use.layer.name] = flow
    return flow


def _unbroken(walk: Walk, tensor: k.Tensor, flow: Flow | None, layer: k.Layer) -> Flow | None:
    """What keeps its settings must have kept every channel in its place."""
    if flow is None or np.array_equal(flow.ids, walk.flow(tensor).ids):  # type: ignore[union-attr]
        return flow
    return walk.stop([tensor], f"{layer.name} takes channels apart")
