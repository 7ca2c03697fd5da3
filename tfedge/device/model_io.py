"""The ends of a model: from examples to what an input tensor takes, and back from its outputs."""

import dataclasses

import numpy as np

from tfedge.data import task as data_task
from tfedge.device.file import weights

FIRST_CODE = {"uint8": 0, "int8": -128}  # the code of the byte 0 where raw bytes are taken


@dataclasses.dataclass(frozen=True)
class Input:
    """An input tensor and the examples for it.

    Attributes:
        name: in the signature.
        tensor: the interpreter's index.
        shape: of one example, without the batch.
        dtype: numpy's name of the examples' type.
        model_dtype: of the tensor.
        scale, zero_point: of the tensor; scale 0 where it is not quantized.
        raw: whether examples go in as they are, the task's normalisation being baked in.
    """

    name: str
    tensor: int
    shape: tuple[int, ...]
    dtype: str
    model_dtype: str
    scale: float = 0.0
    zero_point: int = 0
    raw: bool = False

    @property
    def example_bytes(self) -> int:
        """Bytes of one example as it is fed."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    def prepare(self, x: np.ndarray, normalization: data_task.Normalization) -> np.ndarray:
        """Examples (n, ...) as the tensor takes them, (n, 1, ...).

        Raises:
            ValueError: fractions for a tensor that takes whole numbers, or numbers beyond it.
        """
        dtype = np.dtype(self.model_dtype)
        if self.raw and self.model_dtype in FIRST_CODE and self.scale:
            prepared = _clipped(x + np.float32(FIRST_CODE[self.model_dtype]), dtype)
        else:
            prepared = self._converted(x if self.raw else np.asarray(normalization(x)), dtype)
        return np.ascontiguousarray(prepared)[:, np.newaxis]

    def _converted(self, x: np.ndarray, dtype: np.dtype) -> np.ndarray:
        if dtype.kind not in "iu":
            return x.astype(dtype)
        if self.scale:
            return _clipped(x.astype(np.float32) / np.float32(self.scale) + self.zero_point, dtype)
        if x.dtype.kind == "f" and np.any(x != np.rint(x)):
            raise ValueError(f"input {self.name!r} takes whole numbers ({dtype}), got fractions")
        limits = np.iinfo(dtype)
        if np.any((x < limits.min) | (x > limits.max)):
            raise ValueError(f"input {self.name!r} takes {dtype}, got numbers beyond it")
        return x.astype(dtype)


@dataclasses.dataclass(frozen=True)
class Output:
    """An output tensor; `scale` 0 where it is not quantized."""

    name: str
    tensor: int
    scale: float = 0.0
    zero_point: int = 0

    def real(self, codes: np.ndarray) -> np.ndarray:
        """Real values of what the tensor holds: float32 where it is quantized or a float."""
        if self.scale:
            return weights.dequantize(codes, self.scale, self.zero_point)
        return codes.astype(np.float32) if codes.dtype.kind == "f" else codes


def _clipped(codes: np.ndarray, dtype: np.dtype) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.clip(np.rint(codes), limits.min, limits.max).astype(dtype)
