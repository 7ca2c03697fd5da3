"""How channels go through a use of a layer: functions (walk, use) -> Flow, or None.

None says that what comes out stays as it is. What is known of no layer in particular is here.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

Through = Callable[[Walk, Use], Flow | None]

_ANY_SIZE = 32  # stands for a size that is not fixed


def needs_all(walk: Walk, use: Use) -> Flow | None:
    """What is read stays, so nothing can go wrong."""
    kind = type(use.layer).__name__
    return walk.stop(use.tensors, f"{use.layer.name} ({kind}) needs all its channels")


def same(walk: Walk, use: Use) -> Flow | None:
    """Each value goes where it was, or is computed from itself alone."""
    return walk.flow(use.tensors[0])


def spatial(walk: Walk, use: Use) -> Flow | None:
    """Works on each channel apart; the channels are last before and after."""
    flow = walk.along_last(use)
    if flow is None:
        return None
    if getattr(use.layer, "data_format", "channels_last") != "channels_last":
        return needs_all(walk, use)
    return Flow(use.last_axis, flow.ids)


def combined(walk: Walk, use: Use) -> Flow | None:
    """Value with value: the channels of all operands go together; one that is broadcast stays."""
    tensors, name = use.tensors, use.layer.name
    flows = [walk.flow(tensor) for tensor in tensors]
    rank = len(use.output.shape)
    # Operands of lower rank are lined up at the end, after the batch.
    axes = {flow.axis + rank - len(t.shape) for t, flow in zip(tensors, flows, strict=True) if flow}
    if not axes:
        return None
    if len(axes) > 1:
        return walk.stop(tensors, f"{name} lines channels up with other axes")
    axis = axes.pop()
    size = use.output.shape[axis]
    together: list[np.ndarray] = []
    blocked = ""
    for tensor, flow in zip(tensors, flows, strict=True):
        place = axis - rank + len(tensor.shape)
        width = tensor.shape[place] if place > 0 else 1
        if width == size and flow is None:
            blocked = f"{name} joins them with channels that stay"
        elif flow is not None and width == size:
            together.append(flow.ids)
        elif flow is not None:
            walk.keep(flow.ids, f"{name} broadcasts it")
    for ids in together[1:]:
        walk.join(together[0], ids)
    if blocked:
        for ids in together:
            walk.keep(ids, blocked)
    return None if blocked or not together else Flow(axis, together[0])


def concatenated(walk: Walk, use: Use, axis: int) -> Flow | None:
    """End to end along the channels; along another axis they are joined as in a sum."""
    axis = axis % len(use.output.shape)
    flows = [walk.flow(tensor) for tensor in use.tensors]
    if all(flow is None for flow in flows):
        return None
    if all(flow is None or flow.axis == axis for flow in flows):
        parts = [
            walk.fixed(tensor.shape[axis], "stays as it comes in") if flow is None else flow.ids
            for tensor, flow in zip(use.tensors, flows, strict=True)
        ]
        return Flow(axis, np.concatenate(parts))
    if any(flow is not None and flow.axis == axis for flow in flows):
        return walk.stop(use.tensors, f"{use.layer.name} lines channels up with other axes")
    return combined(walk, use)


def across(walk: Walk, use: Use, axes: Collection[int]) -> Flow | None:
    """Computes along some axes of the only tensor, for all places along the others alike."""
    flow = walk.flow(use.tensors[0])
    if flow is None or len(use.tensors) > 1 or flow.axis in _from_front(use, axes):
        return needs_all(walk, use)
    return flow


def normalized(walk: Walk, use: Use, axes: Collection[int], roles: Sequence[str]) -> Flow | None:
    """Each value by what all along some axes are; (channels,) weights behind.

    Args:
        walk: so far.
        use: of a layer with these weights.
        axes: that it normalizes along.
        roles: of its weights, see `Walk.bind`.
    """
    flow = walk.flow(use.tensors[0])
    if flow is None or _from_front(use, axes) != {flow.axis}:
        return across(walk, use, axes)
    for number, role in enumerate(roles):
        walk.bind(use.layer, number, 0, flow.ids, role)
    return flow


def product(walk: Walk, use: Use, read: Sequence[str], made: str) -> Flow | None:
    """A sum of products of tensors, as an einsum's letters say it.

    Channels along a letter go together in all tensors that have it, whether they are summed over
    or are in what comes out.

    Args:
        walk: so far.
        use: of the product.
        read: a letter for each axis of each tensor.
        made: those of what comes out.
    """
    found = [
        (axes, flow, axes[flow.axis] if flow is not None else "")
        for axes, flow in zip(read, map(walk.flow, use.tensors), strict=True)
    ]
    along: dict[str, np.ndarray] = {}
    for letter in sorted({letter for _, _, letter in found if letter}):
        holding = [flow if own == letter else None for axes, flow, own in found if letter in axes]
        known = [flow.ids for flow in holding if flow is not None]
        if len(known) < len(holding) or len(set(map(len, known))) > 1:
            return walk.stop(use.tensors, f"{use.layer.name} multiplies them with what stays")
        for ids in known[1:]:
            walk.join(known[0], ids)
        along[letter] = known[0]
    outgoing = [Flow(made.index(letter), ids) for letter, ids in along.items() if letter in made]
    if len(outgoing) > 1:
        return walk.stop(use.tensors, f"{use.layer.name} makes a table of two kinds of channels")
    walk.products[use.layer.name] = tuple(along.values())
    return outgoing[0] if outgoing else None


def _from_front(use: Use, axes: Collection[int]) -> set[int]:
    rank = len(use.tensors[0].shape)
    return {axis % rank for axis in axes}


def moved(walk: Walk, use: Use, function: Callable[[Any], Any]) -> Flow | None:
    """The channels of what `function` makes of the only tensor by moving values only.

    It is asked itself where they go: it is run on an array that holds the id of the channel in
    place of every value. Where they lie along several axes afterwards, as a row of heads does,
    those that are at one place of the first such axis go together. They stay where that cannot
    be, or where the size of that axis is not fixed.
    """
    tensor, name = use.tensors[0], use.layer.name
    flow = walk.flow(tensor)
    if flow is None:
        return None
    shape = (1, *(size or _ANY_SIZE for size in tensor.shape[1:]))
    line = flow.ids.reshape([-1 if axis == flow.axis else 1 for axis in range(len(shape))])
    ids = np.broadcast_to(line, shape).astype(np.int32)
    try:
        found = np.asarray(function(k.tf.constant(ids)), np.int64)
    except (TypeError, ValueError, k.tf.errors.OpError):
        return walk.stop([tensor], f"{name} needs all its channels")
    gone_to = _along_one_axis(found) or _in_groups(walk, found)
    if gone_to is None:
        return walk.stop([tensor], f"{name} spreads channels over several axes")
    if use.output.shape[gone_to.axis] != len(gone_to.ids):
        return walk.stop([tensor], f"{name} moves values of a shape that is not fixed")
    return gone_to


def _along_one_axis(ids: np.ndarray) -> Flow | None:
    for axis in range(1, ids.ndim):
        along = np.moveaxis(ids, axis, -1).reshape(-1, ids.shape[axis])
        if ids.size and (along == along[0]).all():
            return Flow(axis, along[0])
    return None


def _in_groups(walk: Walk, ids: np.ndarray) -> Flow | None:
    """Along the first axis of which no two places share a channel; those at one place joined."""
    for axis in range(1, ids.ndim):
        places = [np.unique(each) for each in np.moveaxis(ids, axis, 0)]
        if len(places) > 1 and sum(map(len, places)) == len(np.unique(ids)):
            for each in places:
                walk.join(np.full(len(each) - 1, each[0]), each[1:])
            return Flow(axis, np.array([each[0] for each in places]))
    return None
