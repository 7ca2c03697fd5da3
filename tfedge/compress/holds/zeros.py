"""These weights stay zero."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.holds.hold import Hold
from tfedge.compress.layers import kernels


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

    def project(self, kernel: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """See `Hold.project`."""
        return kernel * state["mask"]

    def gradient(self, gradient: k.Tensor, state: dict[str, Any]) -> k.Tensor:
        """Masked weights wait as they are: they return only when others become smaller."""
        return gradient * state["mask"]

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None = None
    ) -> tuple[float, float, bool]:
        """Promised and found share of zeros; kept when every promised one is there."""
        mask = kernels.deployed(self.layer_class, self.mask)
        promised = round(1.0 - float(np.mean(mask)), 6)
        found = round(float(np.mean(values == 0)), 6)
        kept = values.size == mask.size and not np.any(values.reshape(mask.shape)[mask == 0])
        return promised, found, bool(kept)

    def taken(self, axis: int, kept: np.ndarray) -> "Zeros | None":
        """See `Hold.taken`; patterns of N:M and blocks would come apart."""
        if self.pattern != "unstructured":
            return None
        return dataclasses.replace(self, mask=np.take(self.mask, kept, axis))

    def implies(self, earlier: "Zeros") -> bool:
        """See `Hold.implies`."""
        return not np.any(self.mask[earlier.mask == 0])

    def scaled(self, factors: np.ndarray) -> "Zeros":
        """See `Hold.scaled`: what is zero stays zero."""
        return self
