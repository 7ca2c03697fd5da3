"""The kernel is whole numbers times powers of two, so that a shift stands for its scale."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.hold import Hold
from tfedge.compress.integers import step_sizes
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.keras import tf


@dataclasses.dataclass(frozen=True, eq=False)
class PowerOfTwo(Hold):
    """The kernel is 2^exponent times whole numbers of `bits` bits, symmetric.

    Attributes:
        exponents: int32, keepdims shape: one per output channel, or a single one for all.
        bits: of the whole numbers.
    """

    exponents: np.ndarray
    bits: int = 8
    kind: ClassVar[str] = "power_of_two"
    stage: ClassVar[int] = 2

    def state(self) -> dict[str, np.ndarray]:
        """See `Hold.state`."""
        return {"scales": self._scales}

    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """See `Hold.project`."""
        codes = tf.round(kernel / state["scales"])
        return tf.clip_by_value(codes, -self.largest_code, self.largest_code) * state["scales"]

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[str, str, bool]:
        """Promised and found exponents; without scales, whether the numbers are whole and fit."""
        promised = self.described
        codes: np.ndarray = values.astype(np.float64)
        if values.dtype.kind == "f":
            shape = [1] * values.ndim
            shape[channel_axis] = -1
            codes = codes / self._scales.reshape(shape)
        elif scales is not None:
            mantissas, exponents = np.frexp(np.asarray(scales, np.float64).reshape(-1))
            if np.any(mantissas != 0.5):
                return promised, "scales that are no powers of two", False
            if np.any(exponents - 1 != self.exponents.reshape(-1)):
                return promised, _said(exponents - 1), False
        whole = np.abs(codes - np.round(codes)).max(initial=0) < 1e-3
        fits = whole and np.abs(codes).max(initial=0) < self.largest_code + 0.5
        return promised, promised if fits else f"not on a grid of {self.bits} bits", bool(fits)

    def implies(self, earlier: "PowerOfTwo") -> bool:
        """See `Hold.implies`; one exponent for all channels is one for each."""
        is_finer = self.exponents.size > 1 and earlier.exponents.size == 1
        return self.bits <= earlier.bits and not is_finer

    def taken(self, axis: int, kept: np.ndarray) -> "PowerOfTwo":
        """See `Hold.taken`."""
        if self.exponents.shape[axis] == 1:
            return self
        return dataclasses.replace(self, exponents=np.take(self.exponents, kept, axis))

    def fit(self, kernel: np.ndarray, top: int) -> np.ndarray:
        """See `Hold.fit`."""
        per_channel = self.exponents.size > 1
        chosen = step_sizes.exponents(kernel, self.layer_class, top, per_channel)
        return np.exp2(chosen).astype(np.float32)

    def rescaled(self, scales: np.ndarray, top: int = INT8_MAX) -> "PowerOfTwo":
        """See `Hold.rescaled`."""
        if np.all(scales == self._scales):
            return self
        return dataclasses.replace(self, exponents=np.round(np.log2(scales)).astype(np.int32))

    def scales(self, kernel: np.ndarray) -> np.ndarray:
        """See `Hold.scales`."""
        return self._scales

    @property
    def described(self) -> str:
        """Such as "2^-7", or "2^-9 to 2^-6" where channels differ."""
        return _said(self.exponents)

    @property
    def largest_code(self) -> int:
        """See `Hold.largest_code`."""
        return 2 ** (self.bits - 1) - 1

    @property
    def _scales(self) -> np.ndarray:
        return np.exp2(self.exponents).astype(np.float32)


def _said(exponents: np.ndarray) -> str:
    low, high = int(exponents.min()), int(exponents.max())
    return f"2^{low}" if low == high else f"2^{low} to 2^{high}"
