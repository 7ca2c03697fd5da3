"""The parts of a .tflite: its tensors and the operators between them."""

import dataclasses
import functools
from typing import Any

import numpy as np

from tfedge import errors, foreign
from tfedge.device.file import weights


@dataclasses.dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the file.

    Attributes:
        index: position among the file's tensors; in the first subgraph the interpreter's index.
        name: as stored; empty in slimmed files.
        shape: as planned; a dynamic dimension stands as 1 here and as -1 in `shape_signature`.
        dtype: the schema's name: "FLOAT32", "INT8", "INT4", ...
        scales, zero_points: real value = scale * (code - zero point); empty if not quantized,
            one per channel along `channel_axis` where there are several.
        channel_axis: the output channel's axis of a kernel, else the quantized one, else None.
        buffer: index of the buffer; tensors may share one.
        data: the stored bytes, None of what is computed; a view of the file.
        lowest, highest: what a converter saw of it and left in the file; empty mostly.
        name_at: where in the file the name is; tensors may share one.
        sparse_encoding: schema.SparsityParametersT of a sparsely stored one.
        is_variable: whether it keeps its value from one run to the next.
    """

    index: int
    subgraph: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    scales: np.ndarray
    zero_points: np.ndarray
    channel_axis: int | None
    buffer: int
    data: np.ndarray | None
    lowest: np.ndarray
    highest: np.ndarray
    name_at: int = 0
    sparse_encoding: Any = None
    is_variable: bool = False

    @property
    def bits(self) -> int:
        """Bits of one element; 0 for strings and handles."""
        return weights.BITS.get(self.dtype, 0)

    @property
    def is_constant(self) -> bool:
        """Whether its values are in the file."""
        return self.data is not None

    @property
    def buffer_bytes(self) -> int:
        """Bytes stored for it."""
        return 0 if self.data is None else len(self.data)

    def values(self) -> np.ndarray:
        """The stored values in the file's layout: integer codes or floats, int4 as int8.

        Raises:
            BadInput: not a constant, or damaged.
        """
        if self.data is None or not self.bits:
            raise errors.BadInput(
                f"tensor {self.index} {self.name!r}", "has no stored numbers", "Ask for a constant."
            )
        data = self.data
        where = f"tensor {self.index} {self.name!r}"
        with foreign.reading(where, "Export or copy it again.", "truncated or damaged"):
            return weights.decode(data, self.dtype, self.shape, self.sparse_encoding)

    def real(self, held: np.ndarray) -> np.ndarray:
        """What numbers of its type mean, float32: codes dequantized, others as they are.

        Args:
            held: in its shape.
        """
        if not self.scales.size or held.dtype.kind == "f":
            return held.astype(np.float32)
        return weights.dequantize(held, self.scales, self.zero_points, self.channel_axis)

    @functools.cached_property
    def sparsity(self) -> float:
        """Share of zeros, 0..1."""
        return weights.zero_share(self.values(), self.zero_points, self.channel_axis)

    @functools.cached_property
    def distinct(self) -> int:
        """Number of different values, zero among them."""
        return weights.count_distinct(self.values())

    @functools.cached_property
    def distinct_per_channel(self) -> int:
        """The most different values that one channel holds; of a tensor without channels, all."""
        if self.channel_axis is None:
            return self.distinct
        return weights.most_distinct_in_a_channel(self.values(), self.channel_axis)

    @functools.cached_property
    def entropy_bits(self) -> float:
        """Order-0 entropy in bits per value."""
        return weights.entropy_bits(self.values())


@dataclasses.dataclass(frozen=True, eq=False)
class Operator:
    """One operator.

    Attributes:
        index: position among the file's operators.
        kind: the schema's name: "CONV_2D", ...; of a custom operator, its own.
        inputs, outputs: positions among the file's tensors; -1 for an input left out.
        options: the fields of its options table, by the schema's names.
    """

    index: int
    subgraph: int
    kind: str
    version: int
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]

    @property
    def is_flex(self) -> bool:
        """Whether it is TensorFlow's own operator, which needs the Flex delegate."""
        return self.is_custom and self.kind.startswith("Flex")


@dataclasses.dataclass(frozen=True, eq=False)
class Subgraph:
    """A part of the file that runs on its own, as the body of a loop does.

    Attributes:
        tensors: the positions of its own among the file's.
        operators: in the order in which they run.
        inputs, outputs: positions among the file's tensors.
    """

    tensors: range
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
