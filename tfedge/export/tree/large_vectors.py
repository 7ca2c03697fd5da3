"""The vectors at the end of a .tflite, laid out without a copy of what is in them.

A builder of FlatBuffers writes from the end of a file to its start, into one array that it doubles
and moves as it grows. Weights are nearly all of a file; where they lie can be said beforehand, and
they are joined to what the builder has written when that is done.
"""

import dataclasses
import hashlib
from collections.abc import Iterable

import numpy as np

_OFFSET_BYTES = 4
_ALIGNMENT_BYTES = 16  # `data:[ubyte] (force_align: 16)` in the schema

Key = tuple[int, bytes]


@dataclasses.dataclass(frozen=True)
class Layout:
    """Vectors one behind the other, each once.

    Attributes:
        offsets: by `key`, from the end of what a builder writes; what it does not write lies
            behind that, at offsets that are not positive.
        alignment: the largest of a vector; 1 where there is none.
        seed: what the builder's own part ends in: so few bytes that the rest begins at a multiple
            of the alignment, and so many that no vector has the offset 0, which stands for none.
        rest: what follows, to be joined to that.
    """

    offsets: dict[Key, int]
    alignment: int
    seed: bytes
    rest: tuple[np.ndarray, ...]


def key(vector: np.ndarray) -> Key:
    """The same for two vectors where one can stand for the other."""
    return alignment(vector.itemsize), content(vector)


def alignment(item_bytes: int) -> int:
    """Of a vector's first item."""
    return _ALIGNMENT_BYTES if item_bytes == 1 else item_bytes


def content(vector: np.ndarray) -> bytes:
    """A number that arrays of the same bytes share, and no others."""
    return hashlib.sha256(_bytes(vector).data).digest()


def lay_out(vectors: Iterable[tuple[Key, np.ndarray]]) -> Layout:
    """Vectors as a builder would write them, the first at the end; each with its `key`."""
    parts: list[np.ndarray] = []
    ends: dict[Key, int] = {}
    length = 0
    for name, vector in vectors:
        if name in ends:
            continue
        data = _bytes(vector)
        padding = -(length + data.size) % max(name[0], _OFFSET_BYTES)
        count = np.array([vector.size], "<u4").view(np.uint8)
        parts += [np.zeros(padding, np.uint8), data, count]
        length += padding + data.size + count.size
        ends[name] = length
    behind = max(0, length - 1) // _ALIGNMENT_BYTES * _ALIGNMENT_BYTES
    seed, rest = _cut(parts[::-1], length - behind)
    return Layout(
        {name: end - behind for name, end in ends.items()},
        max([_OFFSET_BYTES, *(name[0] for name in ends)]) if ends else 1,
        seed,
        rest,
    )


def _cut(parts: list[np.ndarray], count: int) -> tuple[bytes, tuple[np.ndarray, ...]]:
    """The first bytes of several arrays, and what is left of them."""
    seed, left = b"", []
    for part in parts:
        taken = count - len(seed)
        seed += part[:taken].tobytes()
        left.append(part[taken:])
    return seed, tuple(left)


def _bytes(vector: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vector).reshape(-1).view(np.uint8)
