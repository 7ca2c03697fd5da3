"""One end of a model as an app sees it, and what is between that and its tensor."""

import dataclasses
import math

import numpy as np

from tfedge.app import literals
from tfedge.device.file import graph
from tfedge.release.app_facts import AppFacts

_ROW = 2  # dimensions, with the batch
BYTES, REAL, WHOLE = "bytes", "real", "whole"
_FIRST_CODE = {"uint8": 0, "int8": -128}  # the code of the byte 0 where raw bytes are taken


@dataclasses.dataclass(frozen=True)
class Port:
    """An input or an output.

    Attributes:
        role: "input" or "output".
        name: in the signature.
        id: the same as code may call it.
        index: among the inputs or outputs of the main graph.
        dtype: of the tensor, in numpy's names.
        shape: of the tensor, with its batch of 1.
        given: what an app gives or gets: BYTES, bytes that count from 0; REAL, real numbers;
            WHOLE, integers as they are.
        scale, zero_point: of its codes; scale 0 where there are none.
        factors, offsets: normalization of what an app gives, one or one per channel; empty where
            there is none.
        seen: what values an app's were in the data, such as ", 0 to 16 in the data".
    """

    role: str
    name: str
    id: str
    index: int
    dtype: str
    shape: tuple[int, ...]
    given: str
    scale: float = 0.0
    zero_point: int = 0
    factors: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    seen: str = ""

    @property
    def count(self) -> int:
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Of the tensor."""
        return self.count * np.dtype(self.dtype).itemsize

    @property
    def first_code(self) -> int:
        """What the byte 0 of an app is in the tensor."""
        return _FIRST_CODE[self.dtype]

    @property
    def is_coded_here(self) -> bool:
        """Whether the app turns real numbers into codes."""
        return self.given == REAL and bool(self.scale)

    @property
    def least(self) -> int:
        """Code there is."""
        return int(np.iinfo(self.dtype).min)

    @property
    def most(self) -> int:
        """Code there is."""
        return int(np.iinfo(self.dtype).max)

    @property
    def words(self) -> str:
        """Such as "64 bytes 0..255 (8x8x1, row by row)"."""
        shape = "x".join(str(size) for size in self.shape[1:]) or "one number"
        if len(self.shape) > _ROW:
            shape += ", row by row"
        kinds = {BYTES: "bytes 0..255", REAL: "real numbers", WHOLE: "whole numbers"}
        said = f"{self.count:,} {kinds[self.given]} ({shape})"
        return (
            said if self.count > 1 else said.replace("numbers", "number").replace("bytes", "byte")
        )


def inputs(
    tensors: dict[str, graph.Tensor],
    order: tuple[graph.Tensor, ...],
    told: AppFacts,
    is_raw: bool,
) -> tuple[Port, ...]:
    """Of a file's signature.

    Args:
        tensors: by the signature's names.
        order: as the interpreter counts them.
        told: of the data that it was made for.
        is_raw: whether the normalization is in the file already.
    """
    found: list[Port] = []
    normalization = told.normalization
    plain = is_raw or normalization.is_identity
    for name, tensor in tensors.items():
        port = _port("input", name, tensor, order, found)
        if is_raw and port.scale and port.dtype in _FIRST_CODE:
            port = dataclasses.replace(port, given=BYTES)
        elif port.given == REAL and not plain:
            factors, offsets = _each(normalization.scale), _each(normalization.offset)
            port = dataclasses.replace(port, factors=factors, offsets=offsets)
        found.append(dataclasses.replace(port, seen=_seen(told, name)))
    return tuple(found)


def outputs(tensors: dict[str, graph.Tensor], order: tuple[graph.Tensor, ...]) -> tuple[Port, ...]:
    """Of a file's signature; see `inputs`."""
    found: list[Port] = []
    for name, tensor in tensors.items():
        found.append(_port("output", name, tensor, order, found))
    return tuple(found)


def _port(
    role: str,
    name: str,
    tensor: graph.Tensor,
    order: tuple[graph.Tensor, ...],
    before: list[Port],
) -> Port:
    dtype = tensor.dtype.lower()
    scale = float(tensor.scales[0]) if len(tensor.scales) else 0.0
    return Port(
        role=role,
        name=name,
        id=literals.identifier(name, {port.id for port in before}),
        index=[each.index for each in order].index(tensor.index),
        dtype=dtype,
        shape=tensor.shape,
        given=REAL if scale or dtype.startswith("float") else WHOLE,
        scale=scale,
        zero_point=int(tensor.zero_points[0]) if len(tensor.zero_points) else 0,
    )


def _seen(told: AppFacts, name: str) -> str:
    values = told.inputs.get(name) or told.inputs.get("")
    return f", {values.least:.4g} to {values.most:.4g} in the data" if values else ""


def _each(told: float | tuple[float, ...]) -> tuple[float, ...]:
    return tuple(told) if isinstance(told, tuple) else (told,)
