"""The numbers in a constant tensor: unpacked from its bytes, and what is worth saying of them."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

# Bits of one stored element; strings and handles have none.
BITS = {
    "FLOAT64": 64, "FLOAT32": 32, "FLOAT16": 16, "BFLOAT16": 16,
    "FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8,
    "INT64": 64, "INT32": 32, "INT16": 16, "INT8": 8, "INT4": 4, "INT2": 2,
    "UINT64": 64, "UINT32": 32, "UINT16": 16, "UINT8": 8, "UINT4": 4,
    "BOOL": 8, "COMPLEX64": 64, "COMPLEX128": 128,
}  # fmt: skip
_SIGNED_PACKED = {"INT4": 4, "INT2": 2}
_CODES = {"FLOAT8_E4M3FN": "uint8", "FLOAT8_E5M2": "uint8", "BOOL": "bool"}
_DENSE_FORMAT = 0
_LARGEST_EXPANSION = 1024  # dense over stored bytes; keeps a damaged shape from filling memory


def stored_bytes(dtype: str, elements: int) -> int:
    """The bytes that `elements` values take; elements of under a byte are packed."""
    return math.ceil(BITS.get(dtype, 0) * elements / 8)


def decode(data: np.ndarray, dtype: str, shape: tuple[int, ...], sparsity: Any) -> np.ndarray:
    """The values of a constant in its shape.

    Args:
        data: uint8, the buffer.
        dtype: the schema's name, "INT8", "FLOAT16", ...
        shape: of the dense tensor.
        sparsity: schema.SparsityParametersT of a sparsely stored tensor, else None.

    Returns:
        Integers as the codes they are, int4 and int2 as int8; bfloat16 as float32.

    Raises:
        ValueError: too few bytes, or a sparse encoding that contradicts itself.
    """
    elements = math.prod(shape)
    if sparsity is None:
        return _unpack(data, dtype, elements).reshape(shape)
    stored = _unpack(data, dtype, len(data) * 8 // BITS[dtype])
    return _densify(stored, shape, sparsity)


def dequantize(
    codes: np.ndarray,
    scales: npt.ArrayLike,
    zero_points: npt.ArrayLike,
    axis: int | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> np.ndarray:
    """The real values of integer codes: (code - zero point) * scale.

    >>> dequantize(np.array([[1, 3], [1, 3]]), [0.5, 2], [1, 1], axis=0).tolist()
    [[0.0, 1.0], [0.0, 4.0]]

    Args:
        codes: of any shape.
        scales: one number, or one a channel of `axis`.
        zero_points: likewise; none at all means 0.
        axis: of the channels.
        dtype: of the arithmetic and the values; codes of over 24 bits, as biases', take float64.
    """

    def spread(numbers: npt.ArrayLike) -> np.ndarray:
        given = np.asarray(numbers, dtype)
        return given.reshape([-1 if a == axis else 1 for a in range(codes.ndim)])

    real = np.array(codes, dtype)
    if np.size(zero_points):
        real -= spread(zero_points)
    real *= spread(scales)
    return real


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Integers of 4 or 2 bits as full uint8 bytes, the lowest bits first: undoes `decode`.

    >>> pack(np.array([1, -1, -8]), 4)
    array([241,   8], dtype=uint8)
    """
    parts = codes.reshape(-1).astype(np.int8).view(np.uint8) & (2**bits - 1)
    in_a_byte = 8 // bits
    parts = np.pad(parts, (0, -parts.size % in_a_byte)).reshape(-1, in_a_byte)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.bitwise_or.reduce(parts << shifts, axis=1)


def count_distinct(values: np.ndarray) -> int:
    """The number of different values; zero counts."""
    return len(np.unique(values))


def most_distinct_in_a_channel(values: np.ndarray, channel_axis: int) -> int:
    """The largest number of different values that one channel holds."""
    rows = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1)
    ordered = np.sort(rows, axis=1)
    changes = (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
    return int(changes.max(initial=0)) + 1 if ordered.size else 0


def entropy_bits(values: np.ndarray) -> float:
    """Order-0 entropy in bits per value: what an ideal coder of single values would spend."""
    counts = np.unique(values, return_counts=True)[1]
    shares = counts / counts.sum()
    return float(max(0.0, -(shares * np.log2(shares)).sum()))


def zero_share(values: np.ndarray, zero_points: np.ndarray, axis: int | None) -> float:
    """The share, 0..1, of values that stand for zero."""
    if not values.size:
        return 0.0
    if axis is None or zero_points.size <= 1:
        return float(np.mean(values == (zero_points[0] if zero_points.size else 0)))
    per_channel = [1] * values.ndim
    per_channel[axis] = -1
    return float(np.mean(values == zero_points.reshape(per_channel)))


def _unpack(data: np.ndarray, dtype: str, elements: int) -> np.ndarray:
    needed = stored_bytes(dtype, elements)
    if len(data) < needed:
        raise ValueError(f"{needed} bytes of {dtype} expected, {len(data)} found")
    data = data[:needed]
    if dtype in _SIGNED_PACKED:
        return _signed(_split(data, _SIGNED_PACKED[dtype]), _SIGNED_PACKED[dtype])[:elements]
    if dtype == "UINT4":
        return _split(data, 4)[:elements]
    if dtype == "BFLOAT16":
        return (data.view("<u2").astype("<u4") << 16).view("<f4")
    return data.copy().view(np.dtype(_CODES.get(dtype, dtype.lower())))


def _split(data: np.ndarray, bits: int) -> np.ndarray:
    """Elements of under a byte, the lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((data[:, None] >> shifts) & (2**bits - 1)).reshape(-1)


def _signed(codes: np.ndarray, bits: int) -> np.ndarray:
    signed = codes.astype(np.int8)
    return np.where(signed >= 2 ** (bits - 1), signed - 2**bits, signed).astype(np.int8)


def _densify(stored: np.ndarray, shape: tuple[int, ...], sparsity: Any) -> np.ndarray:
    """Follows the schema's dimension tree: each level dense, or compressed rows.

    Levels come in traversal order; those beyond the rank are positions inside a block.
    """
    if math.prod(shape) > _LARGEST_EXPANSION * max(stored.nbytes, 1):
        raise ValueError(f"{stored.nbytes} bytes cannot be a sparse tensor of shape {shape}")
    order, rank = list(sparsity.traversalOrder), len(shape)
    nodes = np.zeros(1, np.int64)
    levels: list[np.ndarray] = []
    for level in sparsity.dimMetadata:
        parents, position, nodes = _children(nodes, level, math.prod(shape))
        levels = [coordinates[parents] for coordinates in levels] + [position]
    at = dict(zip(order, levels, strict=True))
    sizes = {d: level.denseSize for d, level in zip(order, sparsity.dimMetadata, strict=True)}
    for block, dimension in enumerate([] if sparsity.blockMap is None else sparsity.blockMap):
        at[dimension] = at[dimension] * sizes[rank + block] + at[rank + block]
    dense = np.zeros(shape, stored.dtype)
    dense[tuple(at[d] for d in range(rank))] = stored[nodes]
    return dense


def _children(
    nodes: np.ndarray, level: Any, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which parent, position along this dimension, node number) of each child of `nodes`."""
    if level.format == _DENSE_FORMAT:
        size = level.denseSize
        if size * len(nodes) > most:
            raise ValueError("a sparse tensor stores more values than it has")
        position = np.tile(np.arange(size), len(nodes))
        parents = np.repeat(np.arange(len(nodes)), size)
        return parents, position, nodes[parents] * size + position
    segments = np.asarray(level.arraySegments.values, np.int64)
    indices = np.asarray(level.arrayIndices.values, np.int64)
    counts = segments[nodes + 1] - segments[nodes]
    if counts.min(initial=0) < 0 or counts.sum() > most:
        raise ValueError("a sparse tensor stores more values than it has")
    parents = np.repeat(np.arange(len(nodes)), counts)
    within = np.arange(len(parents)) - np.repeat(np.cumsum(counts) - counts, counts)
    children = segments[nodes][parents] + within
    return parents, indices[children], children
