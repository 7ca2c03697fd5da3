"""Holds: what a pass promises about a kernel, kept by every later pass and found in the file.

A hold is a projection. `finetune` keeps an unconstrained copy of each held kernel, computes
gradients at the projected one and applies them to the copy (BinaryConnect, Courbariaux et al.
2015, arXiv:1511.00363). At export the same hold reads the deployed integers.
"""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tfedge.compress import kernels

INT8_MAX = 127  # symmetric, narrow range: -128 is not used for weights


@dataclasses.dataclass(frozen=True, eq=False)
class Hold(abc.ABC):
    """A promise about the kernel of one layer.

    Attributes:
        layer: name of the Keras layer.
        layout: its class, see `kernels.deployed`.
    """

    layer: str
    layout: str
    kind: ClassVar[str]
    stage: ClassVar[int]  # projections of one kernel run in this order

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The arrays that `project` needs; of the same shapes all through a training."""

    @abc.abstractmethod
    def project(self, kernel: Any, state: dict[str, Any]) -> Any:
        """The nearest kernel that keeps the promise. Traced by TensorFlow, so no numpy."""

    def gradient(self, gradient: Any, state: dict[str, Any]) -> Any:
        """The gradient that the unconstrained copy gets, from that at the projected kernel."""
        return gradient

    @abc.abstractmethod
    def read(self, values: np.ndarray, channel_axis: int) -> tuple[Any, Any, bool]:
        """(promised, found, kept) of the deployed kernel, in the file's layout."""

    @abc.abstractmethod
    def implies(self, earlier: Any) -> bool:
        """Whether a kernel that keeps this keeps `earlier` too, a hold of the same kind."""

    def rescaled(self, scales: np.ndarray) -> "Hold":
        """The same promise once the kernel's int8 scales are frozen to `scales`."""
        return self

    def scales(self, kernel: np.ndarray) -> np.ndarray | None:
        """The int8 scales this hold sets for a projected kernel (keepdims), or None."""
        return None


@dataclasses.dataclass(frozen=True, eq=False)
class Zeros(Hold):
    """These weights stay zero. `mask` is 1 where a weight may live, in Keras' shape."""

    mask: np.ndarray
    pattern: str = "unstructured"
    kind: ClassVar[str] = "zeros"
    stage: ClassVar[int] = 0

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        return {"mask": self.mask.astype(np.float32)}

    def project(self, kernel: Any, state: dict[str, Any]) -> Any:
        """See `Hold.project`."""
        return kernel * state["mask"]

    def gradient(self, gradient: Any, state: dict[str, Any]) -> Any:
        """Masked weights wait as they are: they return only when others become smaller."""
        return gradient * state["mask"]

    def read(self, values: np.ndarray, channel_axis: int) -> tuple[float, float, bool]:
        """Promised and found share of zeros; kept when every promised one is there."""
        mask = kernels.deployed(self.layout, self.mask)
        promised = round(1.0 - float(np.mean(mask)), 6)
        found = round(float(np.mean(values == 0)), 6)
        kept = values.size == mask.size and not np.any(values.reshape(mask.shape)[mask == 0])
        return promised, found, bool(kept)

    def implies(self, earlier: "Zeros") -> bool:
        """See `Hold.implies`."""
        return not np.any(self.mask[earlier.mask == 0])


@dataclasses.dataclass(frozen=True, eq=False)
class Levels(Hold):
    """Every channel takes its values from a few: scale[channel] * level.

    Attributes:
        channel_scales: keepdims shape, one per output channel.
        levels: (1 or channels, L) integers of -127..127, 0 among them; a row per channel when
            each has its own, padded with zeros.
    """

    channel_scales: np.ndarray
    levels: np.ndarray
    promised: int
    kind: ClassVar[str] = "levels"
    stage: ClassVar[int] = 1

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        codes = np.arange(-INT8_MAX, INT8_MAX + 1)
        nearest = np.abs(codes[None, :, None] - self.levels[:, None, :]).argmin(axis=2)
        table = np.take_along_axis(self.levels, nearest, axis=1)
        return {
            "scales": self.channel_scales.astype(np.float32),
            "table": table.astype(np.float32).reshape(-1),
        }

    def project(self, kernel: Any, state: dict[str, Any]) -> Any:
        """See `Hold.project`."""
        codes = tf.round(kernel / state["scales"])
        codes = tf.clip_by_value(codes, -INT8_MAX, INT8_MAX)
        index = tf.cast(codes, tf.int32) + INT8_MAX
        if self.levels.shape[0] > 1:
            rows = np.arange(self.levels.shape[0]).reshape(self.channel_scales.shape)
            index += tf.constant(rows * (2 * INT8_MAX + 1), tf.int32)
        return tf.gather(state["table"], index) * state["scales"]

    def read(self, values: np.ndarray, channel_axis: int) -> tuple[int, int, bool]:
        """Promised and found number of distinct values in a channel."""
        rows = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)
        found = max(len(np.unique(row)) for row in rows)
        return self.promised, found, found <= self.promised

    def implies(self, earlier: "Levels") -> bool:
        """See `Hold.implies`."""
        return self.promised <= earlier.promised

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`."""
        return self.channel_scales


@dataclasses.dataclass(frozen=True, eq=False)
class Grid(Hold):
    """The kernel lies on a symmetric per-channel integer grid and is deployed at `bits` bits.

    Without frozen scales a channel's scale is its largest weight over 127, as the converter's.
    """

    bits: int = 8
    frozen: np.ndarray | None = None
    kind: ClassVar[str] = "bits"
    stage: ClassVar[int] = 2

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        return {} if self.frozen is None else {"scales": self.frozen.astype(np.float32)}

    def project(self, kernel: Any, state: dict[str, Any]) -> Any:
        """See `Hold.project`."""
        scales = state.get("scales")
        if scales is None:
            axes = kernels.per_channel(self.layout, len(kernel.shape))
            largest = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
            scales = tf.where(largest > 0, largest / self._top, 1.0)
        return tf.clip_by_value(tf.round(kernel / scales), -self._top, self._top) * scales

    def read(self, values: np.ndarray, channel_axis: int) -> tuple[int, int, bool]:
        """Promised and found bits of a weight; floats count when they lie on the grid."""
        codes: np.ndarray = values.astype(np.float32)
        if values.dtype.kind == "f":
            others = tuple(axis for axis in range(values.ndim) if axis != channel_axis)
            scales: np.ndarray = np.abs(values).max(axis=others, keepdims=True) / self._top
            if self.frozen is not None:
                scales = np.moveaxis(self.frozen.reshape(-1, *[1] * len(others)), 0, channel_axis)
            codes = values / np.where(scales > 0, scales, 1.0)
        whole = np.abs(codes - np.round(codes)).max(initial=0) < 1e-3
        fits = whole and np.abs(codes).max(initial=0) < self._top + 0.5
        found = self.bits if fits else values.dtype.itemsize * 8
        return self.bits, found, bool(fits)

    def implies(self, earlier: "Grid") -> bool:
        """See `Hold.implies`."""
        return self.bits <= earlier.bits

    def rescaled(self, scales: np.ndarray) -> "Grid":
        """See `Hold.rescaled`."""
        return dataclasses.replace(self, frozen=scales)

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`."""
        if self.frozen is not None:
            return self.frozen
        largest = np.abs(kernel).max(
            axis=kernels.per_channel(self.layout, kernel.ndim), keepdims=True
        )
        return np.where(largest > 0, largest / self._top, 1.0).astype(np.float32)

    @property
    def _top(self) -> int:
        return 2 ** (self.bits - 1) - 1


def on(holds: tuple[Hold, ...], layer: str) -> tuple[Hold, ...]:
    """The holds of one layer, in the order in which they are projected."""
    return tuple(sorted((h for h in holds if h.layer == layer), key=lambda hold: hold.stage))


def project(kernel: np.ndarray, holds: tuple[Hold, ...]) -> np.ndarray:
    """`kernel` projected on all its holds."""
    value = tf.constant(kernel)
    for hold in sorted(holds, key=lambda h: h.stage):
        state = {name: tf.constant(array) for name, array in hold.state().items()}
        value = hold.project(value, state)
    return value.numpy()


def broken(model: Any, holds: tuple[Hold, ...]) -> tuple[Hold, ...]:
    """The holds that a model's kernels do not keep."""
    found = {kernel.layer: kernel for kernel in kernels.find(model)}
    return tuple(
        hold for hold in holds if hold.layer not in found or not _keeps(found[hold.layer], hold)
    )


def _keeps(kernel: kernels.Kernel, hold: Hold) -> bool:
    values = kernels.deployed(kernel.kind, kernel.numpy())
    return hold.read(values, kernels.deployed_channel_axis(kernel.kind))[2]
