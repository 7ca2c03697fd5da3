"""How much a channel is worth, by what it does on the calibration split.

It is looked at where kernels read it, after normalization and activation. Read by several, it
counts as the mean, each in units of its tensor's own mean.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress import losses
from tfedge.compress.channels import Channels
from tfedge.compress.keras import tf
from tfedge.compress.layers.channel_walk import Tap
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import Task

_BINS = 32
_MOST = 512  # examples


def by_data(statistic: str, model: k.Model, channels: Channels, task: Task) -> np.ndarray:
    """(units,) what each is worth.

    Args:
        statistic: a key of `STATISTICS`. "activation": mean magnitude times the share that is not
            zero (Hu et al. 2016, arXiv:1607.03250); "entropy" of the channel's mean over
            examples (Luo & Wu 2017, arXiv:1706.05791); "taylor": the change of the loss without
            it, in first order gradient times activation (Molchanov et al. 2017,
            arXiv:1611.06440).
        model: flat tf_keras model.
        channels: of the model.
        task: up to 512 examples of its calibration split are run.
    """
    taps = channels.taps
    summary, finish = STATISTICS[statistic]
    batches = list(_batches(model, taps, task, summary))
    total, times = np.zeros(channels.count), np.zeros(channels.count)
    for number, tap in enumerate(taps):
        units = tap.flow.ids
        found = finish(np.concatenate([batch[number] for batch in batches], axis=1))
        counts = np.bincount(units, minlength=channels.count)
        mean = np.bincount(units, found, channels.count) / np.maximum(counts, 1)
        average = mean[counts > 0].mean()
        total += mean / (average if average > 0 else 1.0)
        times += counts > 0
    return np.where(times > 0, total / np.maximum(times, 1), 1.0)


def _batches(
    model: k.Model, taps: tuple[Tap, ...], task: Task, summary: Callable
) -> Iterator[list[np.ndarray]]:
    """A list of (numbers, examples, channels) per batch, one for each tap."""
    watched = k.tf_keras.Model(model.inputs, [[tap.tensor for tap in taps], list(model.outputs)])
    loss = losses.loss_of(task, model) if summary is _harm else None

    @tf.function(reduce_retracing=True)
    def look(x: k.Tensor, y: k.Tensor) -> k.Tensor:
        with tf.GradientTape() as tape:
            # Columns of an input are channels, too, and no variable makes them.
            tape.watch([each for each in tf.nest.flatten(x) if each.dtype.is_floating])
            found, outputs = watched(x, training=False)
            # The loss is a mean over the batch; its sum gives every example's own gradient.
            value = 0.0 if loss is None else loss(y, outputs) * tf.cast(_rows(y), tf.float32)
        slopes = found if loss is None else tape.gradient(value, found)
        return [
            summary(values, slope if slope is not None else tf.zeros_like(values), axis)
            for values, slope, axis in zip(found, slopes, axes, strict=True)
        ]

    axes = [tap.flow.axis for tap in taps]
    seen = 0
    for raw, y in task.calibration.batches(32):
        if seen >= _MOST:
            break
        seen += len(next(iter(y.values())) if isinstance(y, dict) else y)
        x = fake_quantization.inputs_of(model, task.normalization(raw))
        found = look(x, tf.nest.map_structure(tf.convert_to_tensor, y))
        yield [value.numpy() for value in found]


def _rows(y: k.Tensor) -> k.Tensor:
    return tf.shape(tf.nest.flatten(y)[0])[0]


def _others(values: k.Tensor, axis: int) -> list[int]:
    return [other for other in range(1, len(values.shape)) if other != axis]


def _size_and_share(values: k.Tensor, _: Any, axis: int) -> k.Tensor:
    others = _others(values, axis)
    alive = tf.cast(tf.not_equal(values, 0), values.dtype)
    return tf.stack(
        [tf.reduce_mean(tf.abs(values), axis=others), tf.reduce_mean(alive, axis=others)]
    )


def _mean(values: k.Tensor, _: Any, axis: int) -> k.Tensor:
    return tf.reduce_mean(values, axis=_others(values, axis))[tf.newaxis]


def _harm(values: k.Tensor, slopes: k.Tensor, axis: int) -> k.Tensor:
    return tf.abs(tf.reduce_sum(values * slopes, axis=_others(values, axis)))[tf.newaxis]


def _product(found: np.ndarray) -> np.ndarray:
    return found[0].mean(axis=0) * found[1].mean(axis=0)


def _entropy(found: np.ndarray) -> np.ndarray:
    """Of a histogram over each channel's own range; 0 where it never changes."""
    values = found[0]
    low, high = values.min(axis=0), values.max(axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1.0)
    bins = np.minimum((scaled * _BINS).astype(int), _BINS - 1)
    shares = np.stack([(bins == number).mean(axis=0) for number in range(_BINS)])
    return -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=0)


def _average(found: np.ndarray) -> np.ndarray:
    return found[0].mean(axis=0)


STATISTICS: dict[str, tuple[Callable, Callable]] = {
    "activation": (_size_and_share, _product),
    "entropy": (_mean, _entropy),
    "taylor": (_harm, _average),
}
