"""How channels go through a use of a layer: functions (walk, use) -> Flow, or None.

None says that what comes out stays as it is. What is known of no layer in particular is here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.layers.channel_walk import Flow, Use, Walk

Through = Callable[[Walk, Use], Flow | None]


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


def moved(walk: Walk, use: Use, function: Callable[[Any], Any]) -> Flow | None:
    """The channels of what `function` makes of the only tensor by moving values only.

    It is asked itself where they go: it is run on an array that holds the id of the channel in
    place of every value. They stay where they do not lie along one axis afterwards, or where
    shapes are not fixed.
    """
    tensor, name = use.tensors[0], use.layer.name
    flow = walk.flow(tensor)
    if flow is None:
        return None
    shape = (1, *tensor.shape[1:])
    if None in shape:
        return walk.stop([tensor], f"{name} moves values of a shape that is not fixed")
    line = flow.ids.reshape([-1 if axis == flow.axis else 1 for axis in range(len(shape))])
    ids = np.broadcast_to(line, shape).astype(np.int32)
    try:
        found = np.asarray(function(k.tf.constant(ids)))
    except (TypeError, ValueError, k.tf.errors.OpError):
        return walk.stop([tensor], f"{name} needs all its channels")
    for axis in range(1, found.ndim):
        along = np.moveaxis(found, axis, -1).reshape(-1, found.shape[axis])
        if found.size and (along == along[0]).all():
            return Flow(axis, along[0].astype(np.int64))
    return walk.stop([tensor], f"{name} spreads channels over several axes")
