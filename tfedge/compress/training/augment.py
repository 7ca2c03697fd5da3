"""Varies training examples as `Task.augment` says, by stateless TensorFlow operations.

What happens to a batch follows from the task's seed and the number of its step alone, so that
the same seed gives the same training and a resumed one goes on as it would have.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.data import augmentation
from tfedge.data.task import Task

Vary = Callable[[Any, Any, Any, Any], tuple[Any, Any, Any]]

_ROUNDING = 1e-12  # both draws of a Beta(0.01, 0.01) can be too small for float32


def augmenter(task: Task) -> Vary | None:
    """(inputs, targets, number of the step, counts) -> them varied; None to leave them be.

    Inputs are normalised and of the form (batch, ...), images (batch, height, width, channels).
    Where examples are mixed, targets of a classification come out as (batch, classes) shares.
    Counts are () or ((batch,) how much each example counts,).
    """
    chosen = augmentation.parse(task.augment)
    if not chosen:
        return None
    black = np.asarray(task.normalization.offset, np.float32)  # what a raw 0 became
    classes = task.num_classes if task.kind_facts.one_of_many else 0

    def vary(x: k.Tensor, y: k.Tensor, step: k.Tensor, counts: Any = ()) -> tuple[Any, Any, Any]:
        x = tf.convert_to_tensor(x)
        are_mixed = any(each.mixes for each in chosen)
        if are_mixed:
            y = tf.one_hot(tf.cast(y, tf.int32), classes) if classes else tf.cast(y, tf.float32)
        shape = y.shape if are_mixed else ()
        if are_mixed and counts:
            y = _counted(y, counts[0])
        start = tf.stack([tf.constant(task.seed, tf.int64), tf.cast(step, tf.int64)])
        for number, each in enumerate(chosen):
            seed = tf.random.experimental.stateless_fold_in(start, number)
            x, y = _HOW[each.name](each, x, y, seed, black)
        if are_mixed and counts:
            y, counts = _parted(y, shape)
        return x, y, counts

    return vary


def _counted(y: k.Tensor, counts: k.Tensor) -> k.Tensor:
    """Targets times what their examples count, and that as a last column: mixing is linear."""
    flat = tf.reshape(y, (counts.shape[0], -1)) * counts[:, None]
    return tf.concat([flat, counts[:, None]], axis=1)


def _parted(counted: k.Tensor, shape: k.Tensor) -> tuple[Any, tuple[Any]]:
    """The inverse of `_counted`: targets of this shape, and what their examples count."""
    counts = counted[:, -1]
    return tf.reshape(tf.math.divide_no_nan(counted[:, :-1], counts[:, None]), shape), (counts,)


def _flip(
    how: augmentation.Flip, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    chosen = _uniform(x, seed, 0.0, 1.0, 2) < 0.5
    for number, wanted in ((1, how.vertical), (2, how.horizontal)):
        if wanted:
            mirrored = tf.reverse(x, [number])
            x = tf.where(chosen[:, number - 1, None, None, None], mirrored, x)
    return x, y


def _crop(
    how: augmentation.Crop, x: k.Tensor, y: k.Tensor, seed: k.Tensor, black: k.Tensor
) -> tuple[Any, Any]:
    """Shifts, as gathering rows and columns: nothing is padded."""
    shape, reach = (x.shape[0], 2), how.padding
    shifts = tf.random.stateless_uniform(shape, seed, -reach, reach + 1, tf.int32)
    for axis in (1, 2):
        size = x.shape[axis]
        wanted = tf.range(size)[None, :] + shifts[:, axis - 1, None]
        last = size - 1
        if how.reflect:
            x = tf.gather(x, last - tf.abs(last - tf.abs(wanted)), axis=axis, batch_dims=1)
            continue
        inside = (wanted >= 0) & (wanted <= last)
        inside = inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
        moved = tf.gather(x, tf.clip_by_value(wanted, 0, last), axis=axis, batch_dims=1)
        x = tf.where(inside, moved, tf.broadcast_to(black, (x.shape[-1],)))
    return x, y


def _rotation(
    how: augmentation.Rotation, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    angle = _uniform(x, seed, -how.degrees, how.degrees, 1)[:, 0] * (np.pi / 180)
    return _resampled(x, tf.cos(angle), tf.sin(angle)), y


def _zoom(
    how: augmentation.Zoom, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    scale = _uniform(x, seed, 1 - how.factor, 1 + how.factor, 1)[:, 0]
    return _resampled(x, 1 / scale, tf.zeros_like(scale)), y


def _resampled(x: k.Tensor, cosine: k.Tensor, sine: k.Tensor) -> k.Tensor:
    """Images turned (and scaled) about their middle, bilinear, the rim reflected."""
    height, width = x.shape[1], x.shape[2]
    right, down, none = (width - 1) / 2, (height - 1) / 2, tf.zeros_like(sine)
    across = [cosine, -sine, right - cosine * right + sine * down]
    along = [sine, cosine, down - sine * right - cosine * down]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.stack([*across, *along, none, none], axis=1),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )


def _brightness(
    how: augmentation.Brightness, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    low, high = tf.reduce_min(x), tf.reduce_max(x)
    change = _uniform(x, seed, -how.factor, how.factor, 1)[:, :, None, None] * (high - low)
    return tf.clip_by_value(x + change, low, high), y


def _contrast(
    how: augmentation.Contrast, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    mean = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
    factor = _uniform(x, seed, 1 - how.factor, 1 + how.factor, 1)[:, :, None, None]
    return tf.clip_by_value(mean + (x - mean) * factor, tf.reduce_min(x), tf.reduce_max(x)), y


def _cutout(
    how: augmentation.Cutout, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    half = tf.fill((x.shape[0], 2), how.size / 2)
    mean = tf.reduce_mean(x, axis=(0, 1, 2))
    return tf.where(_box(x, seed, half), mean, x), y


def _mixup(
    how: augmentation.Mixup, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    return _mixed(x, y, _share(x, seed, how.alpha))


def _cutmix(
    how: augmentation.Cutmix, x: k.Tensor, y: k.Tensor, seed: k.Tensor, _: Any
) -> tuple[Any, Any]:
    sizes = tf.constant([[x.shape[1] / 2, x.shape[2] / 2]], tf.float32)
    half = tf.sqrt(1 - _share(x, seed, how.alpha))[:, None] * sizes
    kept = 1 - tf.cast(_box(x, seed, half), x.dtype)
    share = tf.reduce_mean(kept, axis=(1, 2, 3))  # a box over the rim takes less
    return _mixed(x, y, kept, share)


def _mixed(
    x: k.Tensor, y: k.Tensor, kept: k.Tensor, share: k.Tensor | None = None
) -> tuple[Any, Any]:
    """Each example with its neighbour: the order is random, so the neighbour is too."""
    share = kept if share is None else share
    of_x, of_y = _like(kept, x), _like(share, y)
    return (
        of_x * x + (1 - of_x) * tf.roll(x, 1, axis=0),
        of_y * y + (1 - of_y) * tf.roll(y, 1, axis=0),
    )


def _like(share: k.Tensor, values: k.Tensor) -> k.Tensor:
    """(batch,) with as many axes of one as it takes to multiply the values."""
    missing = values.shape.rank - share.shape.rank
    return tf.reshape(share, (*share.shape, *[1] * missing))


def _share(x: k.Tensor, seed: k.Tensor, alpha: float) -> k.Tensor:
    """(batch,) draws of Beta(alpha, alpha): a gamma's share of the sum of two."""
    draws = tf.random.stateless_gamma((x.shape[0], 2), seed, alpha) + _ROUNDING
    return draws[:, 0] / tf.reduce_sum(draws, axis=1)


def _box(x: k.Tensor, seed: k.Tensor, half: k.Tensor) -> k.Tensor:
    """(batch, height, width, 1): inside a box of these half sides about a random pixel."""
    middle = _uniform(x, tf.random.experimental.stateless_fold_in(seed, 1), 0.0, 1.0, 2)
    height, width = x.shape[1], x.shape[2]
    rows, columns = (tf.range(size, dtype=tf.float32) + 0.5 for size in (height, width))
    in_rows = tf.abs(rows[None] - height * middle[:, :1]) <= half[:, :1]
    in_columns = tf.abs(columns[None] - width * middle[:, 1:]) <= half[:, 1:]
    return in_rows[:, :, None, None] & in_columns[:, None, :, None]


def _uniform(x: k.Tensor, seed: k.Tensor, low: float, high: float, count: int) -> k.Tensor:
    return tf.random.stateless_uniform((x.shape[0], count), seed, low, high)


_HOW: dict[str, Callable[..., tuple[Any, Any]]] = {
    "flip": _flip,
    "crop": _crop,
    "rotation": _rotation,
    "zoom": _zoom,
    "brightness": _brightness,
    "contrast": _contrast,
    "cutout": _cutout,
    "mixup": _mixup,
    "cutmix": _cutmix,
}
