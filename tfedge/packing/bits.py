"""Whole numbers as bits: most significant first, Exp-Golomb where the size is not known.

Exp-Golomb of order k writes v + 2^k in binary behind as many zeros as it has bits beyond k + 1:
small numbers take few bits and none is too large. Order 0 is Elias' gamma code of v + 1.
"""

import numpy as np

_MOST_ZEROS = 40  # no count, position or size in a packed file is longer


class BitWriter:
    """Collects bits."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def fixed(self, value: int, width: int) -> None:
        """`value` in `width` bits."""
        self._bits += [value >> place & 1 for place in range(width - 1, -1, -1)]

    def number(self, value: int, order: int = 0) -> None:
        """A value from 0 as Exp-Golomb of this order."""
        shifted = value + (1 << order)
        width = shifted.bit_length()
        self.fixed(shifted, 2 * width - order - 1)

    def signed(self, value: int, order: int = 0) -> None:
        """0, -1, 1, -2, 2 ... as the numbers 0, 1, 2, 3, 4 ..."""
        self.number(2 * value if value >= 0 else -2 * value - 1, order)

    def append(self, other: "BitWriter") -> None:
        """Everything another one holds."""
        self._bits += other._bits

    def to_bytes(self) -> bytes:
        """Everything so far, filled up with zeros to whole bytes."""
        return np.packbits(np.array(self._bits, np.uint8)).tobytes()

    def __len__(self) -> int:
        return len(self._bits)


class BitReader:
    """Reads what BitWriter wrote; raises IndexError at the end and ValueError on nonsense."""

    def __init__(self, data: bytes):
        self._bits: list[int] = np.unpackbits(np.frombuffer(data, np.uint8)).tolist()
        self._next = 0

    def fixed(self, width: int) -> int:
        """The number in the next `width` bits."""
        end = self._next + width
        if end > len(self._bits):
            raise IndexError("the plan ends early")
        value = 0
        for bit in self._bits[self._next : end]:
            value = value << 1 | bit
        self._next = end
        return value

    def number(self, order: int = 0) -> int:
        """An Exp-Golomb number of this order."""
        zeros = 0
        while not self.fixed(1):
            zeros += 1
            if zeros > _MOST_ZEROS:
                raise ValueError("a number in the plan is too long")
        width = zeros + order
        return (1 << width | self.fixed(width)) - (1 << order)

    def signed(self, order: int = 0) -> int:
        """A number that may be negative."""
        value = self.number(order)
        return -(value + 1 >> 1) if value & 1 else value >> 1


def number_bits(value: int, order: int = 0) -> int:
    """How many bits `number` takes."""
    return 2 * (value + (1 << order)).bit_length() - order - 1
