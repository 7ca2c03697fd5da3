"""Every weight is one number of its channel, with a sign, or zero."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.hold import Hold
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels


@dataclasses.dataclass(frozen=True, eq=False)
class Signs(Hold):
    """Every weight is -s, 0 or s, where s is its channel's own; without the 0 if binary.

    Attributes:
        channel_scales: s, positive; keepdims, one per output channel.
        thresholds: below them a weight becomes 0, of the same shape; None if binary.
    """

    channel_scales: np.ndarray
    thresholds: np.ndarray | None
    kind: ClassVar[str] = "levels"  # as clusters are: a kernel has one promise of few values
    stage: ClassVar[int] = 1

    @property
    def most_values(self) -> int:
        """See `Hold.most_values`."""
        return 2 if self.thresholds is None else 3

    @property
    def allows_zeros(self) -> bool:
        """See `Hold.allows_zeros`."""
        return self.thresholds is not None

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        found = {"scales": self.channel_scales.astype(np.float32)}
        if self.thresholds is not None:
            found["thresholds"] = self.thresholds.astype(np.float32)
        return found

    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """See `Hold.project`."""
        signed = tf.where(kernel < 0, -state["scales"], state["scales"])
        if self.thresholds is None:
            return signed
        return tf.where(tf.abs(kernel) > state["thresholds"], signed, tf.zeros_like(signed))

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[int, int, bool]:
        """Promised and found number of distinct values in a channel; kept if of one magnitude."""
        rows = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)
        magnitudes = np.abs(rows.astype(np.float64))
        largest = magnitudes.max(axis=1, keepdims=True)
        is_one = magnitudes == largest
        if self.thresholds is not None:
            is_one |= magnitudes == 0
        return self.most_values, max(len(np.unique(row)) for row in rows), bool(is_one.all())

    def implies(self, earlier: Any) -> bool:
        """See `Hold.implies`; binary weights are ternary ones too."""
        return self.most_values <= earlier.most_values

    def taken(self, axis: int, kept: np.ndarray) -> "Signs":
        """See `Hold.taken`."""
        if (
            axis not in kernels.channel_axes(self.layer_class)
            or self.channel_scales.shape[axis] == 1
        ):
            return self
        return self._changed(lambda array: np.take(array, kept, axis))

    def rescaled(self, scales: np.ndarray, top: int = INT8_MAX) -> "Signs":
        """See `Hold.rescaled`: s becomes a whole number of the new scales."""
        codes = np.clip(np.round(self.channel_scales / scales), 1, top)
        factors = codes * scales / self.channel_scales
        return self._changed(lambda array: (array * factors).astype(np.float32))

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`: the integers are -1, 0 and 1."""
        return self.channel_scales

    def scaled(self, factors: np.ndarray) -> "Signs | None":
        """See `Hold.scaled`."""
        axes = tuple(n for n, size in enumerate(self.channel_scales.shape) if size == 1)
        lowest = factors.min(axis=axes, keepdims=True)
        if np.any(factors.max(axis=axes, keepdims=True) != lowest):
            return None
        return self._changed(lambda array: (array * lowest).astype(np.float32))

    def _changed(self, change: Any) -> "Signs":
        thresholds = None if self.thresholds is None else change(self.thresholds)
        return dataclasses.replace(
            self, channel_scales=change(self.channel_scales), thresholds=thresholds
        )
