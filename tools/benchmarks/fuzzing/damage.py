"""Ways in which a file gets damaged: cut short, a bit flipped, some bytes overwritten."""

from collections.abc import Callable

import numpy as np

_KEPT = 8  # the mark at the start; without it a file is refused at once


def truncated(content: bytes, random: np.random.Generator) -> bytes:
    """Its beginning."""
    return content[: random.integers(1, len(content))]


def flipped(content: bytes, random: np.random.Generator) -> bytes:
    """One bit is another one."""
    spoilt = bytearray(content)
    spoilt[random.integers(_KEPT, len(content))] ^= 1 << int(random.integers(8))
    return bytes(spoilt)


def overwritten(content: bytes, random: np.random.Generator) -> bytes:
    """Up to 16 bytes in a row are random, all zeros or all ones."""
    spoilt, length = bytearray(content), int(random.integers(1, 17))
    at = int(random.integers(_KEPT, len(content) - length))
    filling = (random.bytes(length), bytes(length), b"\xff" * length)[random.integers(3)]
    spoilt[at : at + length] = filling
    return bytes(spoilt)


WAYS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (truncated, flipped, overwritten)
