"""How channels go through each kind of layer: a function (walk, call) -> Flow, or None.

None says that what comes out stays as it is. A layer that is not in the table needs all that it
reads, so its channels stay and nothing can go wrong.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfedge.compress.bridge import replay
from tfedge.compress.channels import channel_ops
from tfedge.compress.channels.channel_walk import Flow, Walk

Through = Callable[[Walk, replay.Call], Flow | None]

_ELEMENTWISE = frozenset(
    {
        *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish"),
        *("sigmoid", "tanh", "softplus", "softsign", "exponential", "hard_sigmoid", "hard_silu"),
        *("hard_sigmoid_relu6", "hard_swish", "hard_tanh", "log_sigmoid", "tanh_shrink"),
        *("soft_shrink", "hard_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "celu"),
    }
)


def through(walk: Walk, call: replay.Call) -> Flow | None:
    """Follow the channels through one call of a layer."""
    layer = call.operation
    kind = type(layer).__name__
    if len(call.outputs) == 1 and kind in _HANDLERS:
        return _HANDLERS[kind](walk, call)
    if len(call.outputs) == 1 and kind in channel_ops.LAYERS:
        return channel_ops.through(walk, call)
    return _needs_all(walk, call)


def _needs_all(walk: Walk, call: replay.Call, why: str = "") -> Flow | None:
    layer = call.operation
    reason = why or f"{layer.name} ({type(layer).__name__}) needs all its channels"
    return walk.stop(call.tensors(), reason)


def _convolution(walk: Walk, call: replay.Call) -> Flow | None:
    """Kernel (*window, inputs / groups, outputs)."""
    layer = call.operation
    if layer.data_format != "channels_last":
        return _needs_all(walk, call, f"{layer.name} has its channels first")
    axis = len(layer.kernel.shape) - 2
    flow = walk.along_last(call)
    if flow is not None:
        # The same place of every group goes, so that groups stay of one size.
        rows = flow.ids.reshape(layer.groups, -1)
        for row in rows[1:]:
            walk.join(rows[0], row)
        walk.bind(layer, 0, axis, rows[0])
        walk.tap(call.tensors()[0])
    made = walk.source(layer.name, layer.filters)
    rows = made.reshape(layer.groups, -1)
    for row in rows[1:]:
        walk.join(rows[0], row)
    return _made(walk, call, axis + 1, made)


def _transposed(walk: Walk, call: replay.Call) -> Flow | None:
    """Kernel (*window, outputs, inputs)."""
    layer = call.operation
    if layer.data_format != "channels_last":
        return _needs_all(walk, call, f"{layer.name} has its channels first")
    axis = len(layer.kernel.shape) - 1
    flow = walk.along_last(call)
    if flow is not None:
        walk.bind(layer, 0, axis, flow.ids)
        walk.tap(call.tensors()[0])
    return _made(walk, call, axis - 1, walk.source(layer.name, layer.filters))


def _dense(walk: Walk, call: replay.Call) -> Flow | None:
    layer = call.operation
    flow = walk.along_last(call)
    if flow is not None:
        walk.bind(layer, 0, 0, flow.ids)
        walk.tap(call.tensors()[0])
    return _made(walk, call, 1, walk.source(layer.name, layer.units))


def _made(walk: Walk, call: replay.Call, axis: int, ids: np.ndarray) -> Flow:
    """The channels of a layer with a kernel and, maybe, a bias and an activation."""
    layer = call.operation
    walk.bind(layer, 0, axis, ids)
    return _ended(walk, call, ids)


def _ended(walk: Walk, call: replay.Call, ids: np.ndarray) -> Flow:
    layer = call.operation
    if layer.use_bias:
        walk.bind(layer, 1, 0, ids)
    if not _is_elementwise(layer):
        walk.keep(ids, f"the activation of {layer.name} needs all channels")
    return Flow(len(call.outputs[0].shape) - 1, ids)


def _depthwise(walk: Walk, call: replay.Call) -> Flow | None:
    """Kernel (*window, inputs, multiplier); output i * multiplier + j comes from input i."""
    layer = call.operation
    flow = walk.along_last(call)
    if flow is None or layer.data_format != "channels_last":
        return _needs_all(walk, call)
    walk.bind(layer, 0, len(layer.depthwise_kernel.shape) - 2, flow.ids)
    return _ended(walk, call, np.repeat(flow.ids, layer.depth_multiplier))


def _embedding(walk: Walk, call: replay.Call) -> Flow:
    layer = call.operation
    ids = walk.source(layer.name, layer.output_dim)
    walk.bind(layer, 0, 1, ids)
    return Flow(len(call.outputs[0].shape) - 1, ids)


def _batch_normalization(walk: Walk, call: replay.Call) -> Flow | None:
    layer, flow = call.operation, walk.flow(call.tensors()[0])
    if flow is None or list(layer.axis) != [flow.axis]:
        return _needs_all(walk, call)
    for number in range(len(layer.weights)):
        walk.bind(layer, number, 0, flow.ids)
    return flow


def _normalization(walk: Walk, call: replay.Call) -> Flow | None:
    """Mean and variance (channels,), and a count, unless they were given as settings."""
    layer, flow = call.operation, walk.flow(call.tensors()[0])
    if flow is None or len(layer.weights) != 3 or layer.weights[0].shape != flow.ids.shape:
        return _needs_all(walk, call)
    walk.bind(layer, 0, 0, flow.ids)
    walk.bind(layer, 1, 0, flow.ids)
    return flow


def _prelu(walk: Walk, call: replay.Call) -> Flow | None:
    layer, flow = call.operation, walk.flow(call.tensors()[0])
    if flow is not None and layer.alpha.shape[flow.axis - 1] > 1:
        walk.bind(layer, 0, flow.axis - 1, flow.ids)
    return flow


def _activation(walk: Walk, call: replay.Call) -> Flow | None:
    if not _is_elementwise(call.operation):
        return _needs_all(walk, call)
    return walk.flow(call.tensors()[0])


def _is_elementwise(layer: Any) -> bool:
    return getattr(layer.activation, "__name__", "") in _ELEMENTWISE


def _same(walk: Walk, call: replay.Call) -> Flow | None:
    """Each value goes where it was, or is computed from itself alone."""
    return walk.flow(call.tensors()[0])


def _rescaling(walk: Walk, call: replay.Call) -> Flow | None:
    layer = call.operation
    if np.size(layer.scale) > 1 or np.size(layer.offset) > 1:
        return _needs_all(walk, call)
    return walk.flow(call.tensors()[0])


def _spatial(walk: Walk, call: replay.Call) -> Flow | None:
    """Works on each channel apart; the channels are last before and after."""
    flow = walk.along_last(call)
    if flow is None:
        return None
    if getattr(call.operation, "data_format", "channels_last") != "channels_last":
        return _needs_all(walk, call)
    return Flow(len(call.outputs[0].shape) - 1, flow.ids)


def _moved(walk: Walk, call: replay.Call) -> Flow | None:
    """Reshape, Flatten, Permute, RepeatVector: the layer itself says where the ids go."""
    layer = call.operation
    flow = channel_ops.moved(walk, call.tensors()[0], layer.call, layer.name)
    if flow is not None and type(layer).__name__ == "Reshape":
        before = walk.reshaped.setdefault(layer.name, flow)
        if before is not flow:  # a second call: one target shape has to fit both
            walk.join(before.ids, flow.ids)
    return flow


def _merge(walk: Walk, call: replay.Call) -> Flow | None:
    return channel_ops.combined(walk, call, call.tensors())


def _concatenate(walk: Walk, call: replay.Call) -> Flow | None:
    return channel_ops.concatenated(walk, call, call.tensors(), call.operation.axis)


def _each(kinds: Sequence[str], handler: Through) -> dict[str, Through]:
    return dict.fromkeys(kinds, handler)


_HANDLERS: dict[str, Through] = {
    **_each(("Conv1D", "Conv2D", "Conv3D"), _convolution),
    **_each(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _transposed),
    **_each(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **_each(("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average"), _merge),
    **_each(("Reshape", "Flatten", "Permute", "RepeatVector"), _moved),
    **_each(
        (
            *("ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Dropout", "SpatialDropout1D"),
            *("SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
            *("ActivityRegularization", "Identity"),
        ),
        _same,
    ),
    **_each(
        (
            *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"),
            *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D"),
            *("GlobalAveragePooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D"),
            *("Cropping2D", "UpSampling1D", "UpSampling2D", "Resizing"),
        ),
        _spatial,
    ),
    "Activation": _activation,
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Embedding": _embedding,
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Rescaling": _rescaling,
}
