"""Numbers of 2, 4 or 8 bytes as byte planes, the most telling byte first, and back.

A kernel's exponents are predictable and its low mantissa bytes are not: apart, each gets its own
table or none. Floats move their sign to the lowest bit, so that the first plane is the exponent;
integers alternate signs (0, -1, 1, -2 ...), so that the first planes of small ones are zero.
"""

from typing import Any

import numpy as np

PLAIN, ZIGZAG, ROTATED = range(3)
TYPES: dict[int, np.dtype[Any]] = {
    width: np.dtype(name) for width, name in ((1, "u1"), (2, "<u2"), (4, "<u4"), (8, "<u8"))
}


def to_planes(data: bytes, width: int, transform: int) -> list[np.ndarray]:
    """The bytes of the words, the highest ones first.

    Args:
        data: words of `width` bytes, little-endian.
        width: 2, 4 or 8.
        transform: PLAIN, ZIGZAG or ROTATED.

    Returns:
        `width` arrays, uint8.
    """
    words = np.frombuffer(data, TYPES[width])
    top = np.array(8 * width - 1, words.dtype)
    if transform == ROTATED:
        words = words << 1 | words >> top
    elif transform == ZIGZAG:
        words = words << 1 ^ _spread(words >> top)
    planes = words.astype(TYPES[width]).view(np.uint8).reshape(-1, width)
    return [planes[:, place].copy() for place in reversed(range(width))]


def from_planes(planes: list[np.ndarray], transform: int) -> bytes:
    """What `to_planes` took apart."""
    width = len(planes)
    words = np.stack(planes[::-1], axis=1).view(TYPES[width])[:, 0]
    top = np.array(8 * width - 1, words.dtype)
    if transform == ROTATED:
        words = words >> 1 | words << top
    elif transform == ZIGZAG:
        words = words >> 1 ^ _spread(words & 1)
    return words.astype(TYPES[width]).tobytes()


def _spread(bit: np.ndarray) -> np.ndarray:
    """0 as no bits, 1 as all bits."""
    return (~bit + 1).astype(bit.dtype)


def nibbles(data: np.ndarray) -> np.ndarray:
    """Two 4-bit values a byte, the lower half first, both 0..15 from the most negative up."""
    return np.stack([data & 15, data >> 4], axis=1).ravel() ^ 8


def from_nibbles(values: np.ndarray) -> np.ndarray:
    """Bytes of what `nibbles` took apart."""
    pairs = (values ^ 8).reshape(-1, 2)
    return (pairs[:, 0] & 15 | pairs[:, 1] << 4).astype(np.uint8)
