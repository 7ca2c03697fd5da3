"""Every channel takes its weights from a few values."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.hold import Hold
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels


@dataclasses.dataclass(frozen=True, eq=False)
class Levels(Hold):
    """Every channel takes its values from a few: scale[channel] * level.

    Attributes:
        channel_scales: keepdims shape, one per output channel, or a single one.
        levels: (1 or channels, L) integers of -127..127, 0 among them; a row per channel when
            each has its own, padded with zeros.
    """

    channel_scales: np.ndarray
    levels: np.ndarray
    promised: int
    kind: ClassVar[str] = "levels"
    stage: ClassVar[int] = 1

    @property
    def most_values(self) -> int:
        """See `Hold.most_values`."""
        return self.promised

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        codes = np.arange(-INT8_MAX, INT8_MAX + 1)
        nearest = np.abs(codes[None, :, None] - self.levels[:, None, :]).argmin(axis=2)
        table = np.take_along_axis(self.levels, nearest, axis=1)
        return {
            "scales": self.channel_scales.astype(np.float32),
            "table": table.astype(np.float32).reshape(-1),
        }

    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """See `Hold.project`."""
        codes = tf.round(kernel / state["scales"])
        codes = tf.clip_by_value(codes, -INT8_MAX, INT8_MAX)
        index = tf.cast(codes, tf.int32) + INT8_MAX
        if self.levels.shape[0] > 1:
            rows = np.arange(self.levels.shape[0]).reshape(self.channel_scales.shape)
            index += tf.constant(rows * (2 * INT8_MAX + 1), tf.int32)
        return tf.gather(state["table"], index) * state["scales"]

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[int, int, bool]:
        """Promised and found number of distinct values in a channel."""
        rows = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)
        found = max(len(np.unique(row)) for row in rows)
        return self.promised, found, found <= self.promised

    def implies(self, earlier: Hold) -> bool:
        """See `Hold.implies`; another class of this kind promises more than a number of values."""
        return isinstance(earlier, Levels) and self.promised <= earlier.promised

    def taken(self, axis: int, kept: np.ndarray) -> "Levels":
        """See `Hold.taken`."""
        scaled = axis in kernels.channel_axes(self.layer_class)
        if not scaled or self.channel_scales.shape[axis] == 1:
            return self
        rows = np.arange(self.channel_scales.size).reshape(self.channel_scales.shape)
        left = np.take(rows, kept, axis).reshape(-1)
        return dataclasses.replace(
            self,
            channel_scales=np.take(self.channel_scales, kept, axis),
            levels=self.levels[left] if len(self.levels) > 1 else self.levels,
        )

    def rescaled(self, scales: np.ndarray, top: int = INT8_MAX) -> "Levels":
        """See `Hold.rescaled`: the levels in units of the new scales; some may become one."""
        shape = np.broadcast_shapes(scales.shape, self.channel_scales.shape)
        wanted = np.broadcast_to(scales, shape)
        if np.array_equal(wanted, self.channel_scales):
            return self
        ratios = (self.channel_scales / wanted).reshape(-1, 1)
        if np.all(ratios == ratios[0]):
            ratios = ratios[:1]
        levels = np.clip(np.round(ratios * self.levels), -top, top).astype(self.levels.dtype)
        return dataclasses.replace(self, channel_scales=wanted.copy(), levels=levels)

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`."""
        return self.channel_scales

    def scaled(self, factors: np.ndarray) -> "Levels | None":
        """See `Hold.scaled`: the levels stay where a channel has one factor."""
        axes = tuple(n for n, size in enumerate(self.channel_scales.shape) if size == 1)
        lowest = factors.min(axis=axes, keepdims=True)
        if np.any(factors.max(axis=axes, keepdims=True) != lowest):
            return None
        scales = (self.channel_scales * lowest).astype(np.float32)
        return dataclasses.replace(self, channel_scales=scales)
