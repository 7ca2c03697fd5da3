"""Training under min L(W) + lambda R(W), so that channels fade before they are cut.

R is taken over units of channels with all their slices (DepGraph, arXiv:2301.12900): "l1" is
the sum of magnitudes, "group_lasso" the sum of sqrt(size) times the norm of each unit (Yuan &
Lin 2006; on channels: Wen et al. 2016, arXiv:1608.03665).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.channels import Channels, importance
from tfedge.compress.keras import tf

PENALTIES = ("l1", "group_lasso")


def penalty(kind: str, weight: float, model: k.Model, channels: Channels) -> Callable[[Any], Any]:
    """Model in training -> lambda R(W).

    Args:
        kind: one of `PENALTIES`.
        weight: lambda.
        model: where `channels` were found; the one in training has the same layers.
        channels: those that can be cut count.
    """
    members = importance.places(channels)
    cuttable = np.zeros(channels.count, np.float32)
    for block in channels.blocks:
        cuttable[block.units] = 1.0
    sizes = np.zeros(channels.count)
    for member in members:
        shape = model.get_layer(member.layer).weights[member.weight].shape
        each = np.prod(shape) / len(member.units)
        sizes += each * np.bincount(member.units, minlength=channels.count)

    def value(training: Any) -> Any:
        strengths = []
        for member in members:
            variable = training.get_layer(member.layer).weights[member.weight]
            others = [axis for axis in range(len(variable.shape)) if axis != member.axis]
            each = tf.abs(variable) if kind == "l1" else tf.square(variable)
            strengths.append(
                tf.math.unsorted_segment_sum(
                    tf.reduce_sum(each, axis=others), member.units, channels.count
                )
            )
        found = tf.add_n(strengths)
        if kind == "group_lasso":
            found = tf.sqrt(found + 1e-12) * np.sqrt(sizes).astype(np.float32)
        return weight * tf.reduce_sum(found * cuttable)

    return value


class LastEpochOnly:
    """A `finetune.Update` that changes nothing: the best epoch is the last, most faded one."""

    def __init__(self, steps_before_last_epoch: int):
        self.settled = steps_before_last_epoch

    def fires(self, step: int) -> bool:
        """See `finetune.Update`."""
        return False

    def __call__(
        self, step: int, latents: Any, current: tuple[holds_lib.Hold, ...]
    ) -> tuple[holds_lib.Hold, ...]:
        """See `finetune.Update`."""
        return ()
