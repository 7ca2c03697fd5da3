"""Frequency tables: a few segments of equal weight over the symbols that occur.

Neighbouring byte values occur about equally often in a dense kernel and 16 values occur in a
clustered one, so a table is an alphabet (which symbols there are) and, per run of them, one weight
on a scale of quarter octaves. Integers throughout: every decoder finds the same frequencies.
"""

import dataclasses

import numpy as np

from tfedge.packing import bits

PRECISION_BITS = 14
TOTAL = 1 << PRECISION_BITS  # the frequencies of a table add up to it
LARGEST_LEVEL = 87  # of a weight; 7 << 21 is the largest weight
RUN_ORDER, STEP_ORDER, SKIP_ORDER, TAKE_ORDER, SIZE_ORDER = 0, 1, 2, 2, 3
GAP_ORDER_BITS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
    """Tables over one alphabet.

    Attributes:
        alphabet: symbols in rising order, uint8 (A,).
        frequencies: at least 1 each, TOTAL in each row, (tables, A).
    """

    alphabet: np.ndarray
    frequencies: np.ndarray


def read(plan: bits.BitReader, count: int, alphabet: np.ndarray) -> Tables:
    """`count` tables over an alphabet."""
    rows = [from_levels(read_levels(plan, len(alphabet))) for _ in range(count)]
    return Tables(alphabet, np.array(rows, np.int64))


def read_alphabet(plan: bits.BitReader) -> np.ndarray:
    """An alphabet of runs, or of single symbols that are far apart, as those of clusters."""
    return _read_gaps(plan) if plan.fixed(1) else read_runs(plan)


def _read_gaps(plan: bits.BitReader) -> np.ndarray:
    """How many symbols there are, and how many are left out before each."""
    size, order = plan.number(SIZE_ORDER) + 1, plan.fixed(GAP_ORDER_BITS)
    if size > 256:
        raise ValueError("an alphabet has more than 256 symbols")
    symbols = np.cumsum([plan.number(order) + 1 for _ in range(size)]) - 1
    if symbols[-1] > 255:
        raise ValueError("an alphabet has more than 256 symbols")
    return symbols.astype(np.uint8)


def read_runs(plan: bits.BitReader) -> np.ndarray:
    """How many runs of symbols there are; for each how many to skip and how many occur."""
    symbols: list[int] = []
    place = 0
    for _ in range(plan.number() + 1):
        place += plan.number(SKIP_ORDER)
        taken = plan.number(TAKE_ORDER) + 1
        if place + taken > 256:
            raise ValueError("an alphabet has more than 256 symbols")
        symbols += range(place, place + taken)
        place += taken + 1
    return np.array(symbols, np.uint8)


def read_levels(plan: bits.BitReader, size: int) -> list[int]:
    """The level of each of `size` symbols, sent as runs and steps from run to run."""
    levels: list[int] = []
    level = 0
    while size > 1 and len(levels) < size:
        run = plan.number(RUN_ORDER) + 1
        level += plan.signed(STEP_ORDER)
        if not 0 <= level <= LARGEST_LEVEL or len(levels) + run > size:
            raise ValueError("a frequency table makes no sense")
        levels += [level] * run
    return levels or [0]


def weight(level: int) -> int:
    """4, 5, 6, 7, 8, 10, 12, 14, 16 ...: four levels an octave."""
    return (4 + level % 4) << level // 4


def from_levels(levels: list[int]) -> list[int]:
    """Each weight's share of TOTAL, rounded, at least 1; the first largest evens out the sum."""
    weights = [weight(level) for level in levels]
    total = sum(weights)
    frequencies = [max(1, (2 * each * TOTAL + total) // (2 * total)) for each in weights]
    excess = sum(frequencies) - TOTAL
    while excess > 0:  # one at a time, because who is largest changes
        frequencies[frequencies.index(max(frequencies))] -= 1
        excess -= 1
    frequencies[frequencies.index(max(frequencies))] -= excess
    return frequencies
