"""The other direction of `lanes`: symbols, last first, into states and words."""

from collections.abc import Sequence

import numpy as np

from tfedge.packing import frequencies, lanes, planes

_LIMIT_SHIFT = 2 * lanes.WORD_BITS - frequencies.PRECISION_BITS
_WORD = lanes.LEAST_STATE - 1


def write(coded: Sequence[planes.Coded], beginnings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a decoder starts from so that it finds these symbols.

    Args:
        coded: the symbols in the order they will be read.
        beginnings: 16 bits for each lane, which the decoder finds at its end.

    Returns:
        The states, uint32 (lanes,), and the words, uint16.
    """
    states = beginnings.astype(np.int64) + lanes.LEAST_STATE
    written: list[np.ndarray] = []
    for part in reversed(coded):
        if len(part.tables.alphabet) > 1:
            _write_part(part, states, written)
    words = np.concatenate(written[::-1]) if written else np.zeros(0)
    return states.astype(np.uint32), words.astype(np.uint16)


def _write_part(part: planes.Coded, states: np.ndarray, written: list[np.ndarray]) -> None:
    """Changes `states` in place and adds to `written`."""
    table = part.tables.frequencies
    index = part.places if part.chosen is None else part.chosen * table.shape[1] + part.places
    frequency = table.ravel().take(index)
    start = (np.cumsum(table, axis=1) - table).ravel().take(index)
    limit = frequency << _LIMIT_SHIFT
    lane_count = len(states)
    for first in reversed(range(0, len(index), lane_count)):
        step = slice(first, first + lane_count)
        mine = states[: len(index) - first]
        full = (mine >= limit[step]).nonzero()[0]
        if full.size:
            written.append(mine[full] & _WORD)
            mine[full] >>= lanes.WORD_BITS
        whole, rest = np.divmod(mine, frequency[step])
        mine[:] = (whole << frequencies.PRECISION_BITS) + rest + start[step]
