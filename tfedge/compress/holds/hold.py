"""What a hold is: a promise about the kernel of one layer."""

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.integers.codes import INT8_MAX


@dataclasses.dataclass(frozen=True, eq=False)
class Hold(abc.ABC):
    """A promise about the kernel of one layer.

    Attributes:
        layer: name of the Keras layer.
        layer_class: its class, see `kernels.deployed`.
    """

    layer: str
    layer_class: str
    kind: ClassVar[str]
    stage: ClassVar[int]  # projections of one kernel run in this order

    @property
    def most_values(self) -> int | None:
        """How many distinct values a channel may have; None: as many as it likes."""
        return None

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The arrays that `project` needs; of the same shapes all through a training."""

    @abc.abstractmethod
    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """The nearest kernel that keeps the promise. Traced by TensorFlow, so no numpy."""

    def gradient(self, gradient: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """The gradient that the unconstrained copy gets, from that at the projected kernel."""
        return gradient

    @abc.abstractmethod
    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[Any, Any, bool]:
        """(promised, found, kept) of the deployed kernel, in the file's layout.

        Args:
            values: integer codes, or floats.
            channel_axis: of `values`.
            scales: what the file multiplies codes with, (1,) or (channels,); None if not known.
        """

    @abc.abstractmethod
    def implies(self, earlier: Any) -> bool:
        """Whether a kernel that keeps this keeps `earlier` too, a hold of the same kind."""

    def taken(self, axis: int, kept: np.ndarray) -> "Hold | None":
        """The same promise about what is left once the kernel is cut; None: it cannot be cut.

        Args:
            axis: of the kernel, in Keras' shape.
            kept: indices along it that are left, ascending.
        """
        return None

    def rescaled(self, scales: np.ndarray, top: int = INT8_MAX) -> "Hold":
        """The same promise once the kernel's scales are frozen to `scales`.

        Args:
            scales: keepdims, one per output channel or a single one.
            top: the largest code that the kernel then has.
        """
        return self

    def fit(self, kernel: np.ndarray, top: int) -> np.ndarray | None:
        """The scales to store a kernel in with codes of -top..top; None: any will do."""
        return None

    def scales(self, kernel: np.ndarray) -> np.ndarray | None:
        """The scales this hold sets for a projected kernel (keepdims), or None."""
        return None

    @property
    def largest_code(self) -> int:
        """The largest integer it lets a kernel be stored with."""
        return INT8_MAX

    @property
    def allows_zeros(self) -> bool:
        """Whether a weight under it may be zero."""
        return True

    def scaled(self, factors: np.ndarray) -> "Hold | None":
        """The same promise of the kernel times positive factors that broadcast with it.

        Returns:
            None when the kernel times these factors does not keep it.
        """
        return None
