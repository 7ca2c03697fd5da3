"""The kernel lies on a symmetric integer grid."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.hold import Hold
from tfedge.compress.integers import blocks, step_sizes
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels


@dataclasses.dataclass(frozen=True, eq=False)
class Grid(Hold):
    """The kernel lies on a symmetric integer grid and is deployed at `bits` bits.

    Without frozen scales a channel's scale is its largest weight over the largest code, as the
    converter's is. Frozen ones (keepdims; one per channel, or a single one) may clip. With a
    `block` so many inputs of a dense kernel share a scale, and frozen ones are (inputs / block,
    outputs); of a table so many columns, and they are (rows, columns / block).
    """

    bits: int = 8
    frozen: np.ndarray | None = None
    block: int = 0
    kind: ClassVar[str] = "bits"
    stage: ClassVar[int] = 2

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        if self.frozen is None:
            return {}
        scales = self.frozen
        if self.block:
            scales = np.repeat(scales, self.block, kernels.row_axis(self.layer_class))
        return {"scales": scales.astype(np.float32)}

    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """See `Hold.project`."""
        scales = state.get("scales")
        if scales is None:
            axes = kernels.per_channel(self.layer_class, len(kernel.shape), self.largest_code)
            largest = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
            scales = tf.where(largest > 0, largest / self.largest_code, 1.0)
        codes = tf.clip_by_value(tf.round(kernel / scales), -self.largest_code, self.largest_code)
        return codes * scales

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[int, int, bool]:
        """Promised and found bits of a weight; floats count when they lie on the grid."""
        codes, whole = values, True
        if values.dtype.kind == "f":
            is_one = not kernels.scale_axes(self.layer_class, self.largest_code)
            others = tuple(axis for axis in range(values.ndim) if is_one or axis != channel_axis)
            steps: np.ndarray = np.abs(values).max(axis=others, keepdims=True) / self.largest_code
            if self.block:
                steps = kernels.deployed(self.layer_class, self.state()["scales"])
            elif self.frozen is not None:
                ones = [1] * (values.ndim - 1)
                steps = np.moveaxis(self.frozen.reshape(-1, *ones), 0, channel_axis)
            codes = values / np.where(steps > 0, steps, 1.0)
            whole = bool(np.abs(codes - np.round(codes)).max(initial=0) < 1e-3)
        largest = max(float(codes.max(initial=0)), -float(codes.min(initial=0)))
        fits = whole and largest < self.largest_code + 0.5
        found = self.bits if fits else values.dtype.itemsize * 8
        return self.bits, found, fits

    def implies(self, earlier: "Grid") -> bool:
        """See `Hold.implies`."""
        return self.bits <= earlier.bits

    def taken(self, axis: int, kept: np.ndarray) -> "Grid | None":
        """See `Hold.taken`; without some inputs of a block others would share its scale."""
        if self.block and axis == kernels.row_axis(self.layer_class):
            return None
        if self.frozen is None or self.frozen.shape[axis] == 1:
            return self
        return dataclasses.replace(self, frozen=np.take(self.frozen, kept, axis))

    def rescaled(self, scales: np.ndarray, top: int = INT8_MAX) -> "Grid":
        """See `Hold.rescaled`."""
        return dataclasses.replace(self, frozen=scales, block=0)

    def refitted(self, kernel: np.ndarray) -> "Grid":
        """The grid with scales of the least squared error for a kernel."""
        if self.block:
            inner = kernels.row_axis(self.layer_class)
            along = np.moveaxis(kernel, inner, 0)
            found = blocks.least_squares(along, self.block, self.largest_code)
            scales = np.moveaxis(found, 0, inner)
        else:
            scales = step_sizes.least_squares(kernel, self.layer_class, self.largest_code)
        return dataclasses.replace(self, frozen=scales)

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`."""
        if self.frozen is not None:
            return self.frozen
        axes = kernels.per_channel(self.layer_class, kernel.ndim, self.largest_code)
        largest = np.abs(kernel).max(axis=axes, keepdims=True)
        return np.where(largest > 0, largest / self.largest_code, 1.0).astype(np.float32)

    @property
    def largest_code(self) -> int:
        """See `Hold.largest_code`."""
        return 2 ** (self.bits - 1) - 1
