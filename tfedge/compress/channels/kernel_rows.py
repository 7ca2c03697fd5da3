"""What a kernel multiplies: for each output position the row of inputs that it reads."""

import math

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels

_MOST = 64  # positions of an example


def unread(layer: k.Layer) -> str:
    """Why the rows of a layer with a kernel cannot be had; "" if they can."""
    axes = facts.of(layer).kernel
    if axes is None or axes.is_table or not (axes.is_matrix or axes.is_window):
        return "its outputs do not all read a row of the same inputs"
    if kernels.groups(layer) > 1:
        return "it reads its channels in groups"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its channels come first"
    return ""


def read(layer: k.Layer, x: k.Tensor, place: tuple[float, float]) -> k.Tensor:
    """(examples, positions, inputs) that give the outputs, times the kernel as (inputs, outputs).

    Args:
        layer: one for which `unread` has nothing to say.
        x: what comes into it.
        place: 0..1 along each axis: where on a grid of up to 64 positions an example the first is.
    """
    if kernels.axes(type(layer).__name__).is_matrix:
        rows = tf.reshape(x, (x.shape[0], -1, x.shape[-1]))
        step = math.ceil(rows.shape[1] / _MOST)
        return rows[:, int(place[0] * step) :: step]
    if len(layer.kernel.shape) == 3:  # a window of one axis is one of two, of height 1
        x = x[:, tf.newaxis]
    size, strides, rates = (
        (1,) * (2 - len(each)) + tuple(each)
        for each in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    spans = [(window - 1) * rate + 1 for window, rate in zip(size, rates, strict=True)]
    sides = [
        _padding(layer.padding, *each) for each in zip(x.shape[1:3], spans, strides, strict=True)
    ]
    x = tf.pad(x, [(0, 0), *sides, (0, 0)])
    counts = [
        (have - span) // stride + 1
        for have, span, stride in zip(x.shape[1:3], spans, strides, strict=True)
    ]
    step = 1
    while math.prod(math.ceil(count / step) for count in counts) > _MOST:
        step += 1
    top, first = (
        int(at * min(step, count)) * stride
        for at, count, stride in zip(place, counts, strides, strict=True)
    )
    strides = tuple(step * stride for stride in strides)
    rows = tf.image.extract_patches(
        x[:, top:, first:], (1, *size, 1), (1, *strides, 1), (1, *rates, 1), "VALID"
    )
    return tf.reshape(rows, (x.shape[0], -1, rows.shape[-1]))


def _padding(kind: str, have: int, span: int, stride: int) -> tuple[int, int]:
    """Zeros before and after, as TensorFlow lays them."""
    if kind == "causal":
        return (span - 1, 0)
    if kind == "valid":
        return (0, 0)
    more = max((math.ceil(have / stride) - 1) * stride + span - have, 0)
    return more // 2, more - more // 2
