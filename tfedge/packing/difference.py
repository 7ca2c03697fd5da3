"""A .tflite as what is different from an earlier one (TFD1): FORMAT.md has it at its end.

    difference = pack(new, base)
    assert unpack(difference, base) == new

Bytes that lie in an array of the earlier file too are subtracted, modulo 256, where that makes them
shorter; the file that this makes is packed as any other is, with the arrays of the new one.
"""

import hashlib

import numpy as np

from tfedge import errors
from tfedge.packing import container, decoding

MAGIC = b"TFD1"
_HASH_BYTES = 32
_MOST_RANGES = 1 << 15
_REMEDY = "Download it again, or the whole file."

Ranges = list[tuple[int, int, int]]  # (where in the new file, length, where in the base)


def write(ranges: Ranges, packed: bytes, base: bytes) -> bytes:
    """The difference: what was subtracted where, and the packed file that this left."""
    parts, end = [MAGIC, hashlib.sha256(base).digest(), container.varint(len(ranges))], 0
    for position, length, of_base in ranges:
        parts += [container.varint(each) for each in (position - end, length, of_base)]
        end = position + length
    return b"".join([*parts, packed])


def unpack(difference: bytes, base: bytes, largest_bytes: int = 2**31) -> bytes:
    """The new file.

    Args:
        difference: what `write` gave.
        base: the earlier file.
        largest_bytes: files that would be longer are refused before anything is allocated.

    Raises:
        BadInput: it is damaged, too large, or made from another file than `base`.
    """
    try:
        ranges, start = _read(difference, base)
    except (ValueError, IndexError) as error:
        raise errors.BadInput("packed difference", str(error), _REMEDY) from error
    content = np.frombuffer(decoding.decode(difference[start:], largest_bytes), np.uint8).copy()
    added = np.frombuffer(base, np.uint8)
    for position, length, of_base in ranges:
        if max(position + length - len(content), of_base + length - len(base)) > 0:
            raise errors.BadInput("packed difference", "a range leaves its file", _REMEDY)
        content[position : position + length] += added[of_base : of_base + length]
    return content.tobytes()


def _read(difference: bytes, base: bytes) -> tuple[Ranges, int]:
    """The ranges, and where the packed file begins."""
    place = len(MAGIC) + _HASH_BYTES
    if difference[: len(MAGIC)] != MAGIC:
        raise ValueError("it is no difference that tfedge packed")
    if difference[len(MAGIC) : place] != hashlib.sha256(base).digest():
        raise ValueError("it was made from another file")
    count, place = container.read_varint(difference, place)
    if count > _MOST_RANGES:
        raise ValueError(f"it has {count:,} ranges")
    ranges, end = [], 0
    for _ in range(count):
        numbers = []
        for _ in range(3):
            number, place = container.read_varint(difference, place)
            numbers.append(number)
        gap, length, of_base = numbers
        ranges.append((end + gap, length, of_base))
        end += gap + length
    return ranges, place
