"""Interleaved range asymmetric numeral systems: many decoders in step, one numpy call for all.

Each lane has a state in [2^16, 2^32). Its lowest 14 bits say which symbol comes; the state then
shrinks by that symbol's probability and, where it has become less than 2^16, takes the next 16-bit
word of the one stream that all lanes share.

Duda, "Asymmetric numeral systems", arXiv:1311.2540; Giesen, "Interleaved entropy coders",
arXiv:1402.3392. That a state may begin with any 16 bits, so that its lane costs no bytes, is
bits-back coding as in arXiv:1901.04866.
"""

import numpy as np

from tfedge.packing import frequencies

WORD_BITS = 16
LEAST_STATE = 1 << WORD_BITS
_MASK = frequencies.TOTAL - 1


class Decoder:
    """Lanes, and how far they have read.

    Args:
        states: of the lanes, (lanes,) from 2^16 to 2^32.
        words: what follows, 16 bits each.
    """

    def __init__(self, states: np.ndarray, words: np.ndarray):
        self._states = states.astype(np.int64)
        self._words = words.astype(np.int64)
        self._next = 0

    def symbols(
        self, tables: frequencies.Tables, count: int, chosen: np.ndarray | None = None
    ) -> np.ndarray:
        """The next symbols, lane after lane.

        Args:
            tables: the frequencies.
            count: how many symbols.
            chosen: the table of each of them; without it the only one.

        Returns:
            uint8 (count,).

        Raises:
            ValueError: the words are used up.
        """
        if len(tables.alphabet) == 1:
            return np.full(count, tables.alphabet[0], np.uint8)
        starts = np.zeros(count, np.int64) if chosen is None else chosen * frequencies.TOTAL
        symbol, frequency, offset = _slots(tables)
        slots = np.empty(count, np.int64)
        lanes = len(self._states)
        for first in range(0, count, lanes):
            states = self._states[: count - first]
            slot = states & _MASK
            slot += starts[first : first + lanes]
            slots[first : first + lanes] = slot
            states >>= frequencies.PRECISION_BITS
            states *= frequency.take(slot)
            states += offset.take(slot)
            self._refill(states)
        return symbol.take(slots)

    def _refill(self, states: np.ndarray) -> None:
        """`states` is a view: it is changed in place."""
        short = (states < LEAST_STATE).nonzero()[0]
        if short.size:
            end = self._next + short.size
            states[short] = states[short] << WORD_BITS | self._words[self._next : end]
            self._next = end

    def finish(self) -> np.ndarray:
        """The 16 bits each lane began with in the encoder.

        Raises:
            ValueError: there are words left, or the states cannot be an encoder's first.
        """
        beginnings = self._states - LEAST_STATE
        if self._next != len(self._words) or (beginnings >> WORD_BITS).any():
            raise ValueError("its coded weights do not end where they should")
        return beginnings.astype(np.uint16)


def _slots(tables: frequencies.Tables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every number from 0 to TOTAL: its symbol, that symbol's frequency, place within it."""
    counts = tables.frequencies.ravel()
    starts = np.cumsum(counts) - counts
    symbols = np.tile(tables.alphabet, len(tables.frequencies)).repeat(counts)
    offsets = np.arange(counts.sum()) - starts.repeat(counts)
    return symbols, counts.repeat(counts), offsets
