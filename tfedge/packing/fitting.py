"""Frequency tables fitted to counts: the segments for which table and data take the fewest bits."""

import numpy as np

from tfedge.packing import bits, frequencies

_LEVEL_BITS = 5  # about what a step between levels takes
_WEIGHTS = np.array([frequencies.weight(level) for level in range(frequencies.LARGEST_LEVEL + 1)])
_RUN_BITS = np.array([0] + [bits.number_bits(run - 1) for run in range(1, 257)])


def alphabets(counts: np.ndarray) -> list[np.ndarray]:
    """The symbols that occur; and, where they leave gaps, all from the least to the largest."""
    there = np.flatnonzero(counts).astype(np.uint8)
    whole = np.arange(int(there[0]), int(there[-1]) + 1).astype(np.uint8)
    return [there] if len(there) == len(whole) else [there, whole]


def levels(counts: np.ndarray) -> list[int]:
    """One level for each symbol of an alphabet, equal within the segments.

    The segmentation is the shortest path over all of them (Bellman, 1961).
    """
    ends = _segments(counts)
    starts = [0, *ends[:-1]]
    means = np.array([counts[a:b].sum() / (b - a) for a, b in zip(starts, ends, strict=True)])
    if not means.any():
        return [0] * len(counts)
    least = max(means[means > 0].min(), means.max() * _WEIGHTS[0] / _WEIGHTS[-1])
    wanted = np.maximum(means / least, 1.0) * _WEIGHTS[0]
    nearest = np.abs(np.log2(wanted)[:, None] - np.log2(_WEIGHTS)[None]).argmin(axis=1)
    found: list[int] = []
    for level, start, end in zip(nearest.tolist(), starts, ends, strict=True):
        found += [level] * (end - start)
    return found


def _segments(counts: np.ndarray) -> list[int]:
    """Where each segment ends."""
    size, total = len(counts), counts.sum()
    sums = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
    cost, begins = np.zeros(size + 1), np.zeros(size + 1, np.int64)
    for end in range(1, size + 1):
        runs = np.arange(end, 0, -1)
        inside = sums[end] - sums[:end]
        data = inside * np.log2(np.maximum(total * runs, 1) / np.maximum(inside, 1e-9))
        options = cost[:end] + np.where(inside > 0, data, 0) + _RUN_BITS[runs] + _LEVEL_BITS
        begins[end] = options.argmin()
        cost[end] = options[begins[end]]
    ends = [size]
    while begins[ends[-1]] > 0:
        ends.append(int(begins[ends[-1]]))
    return ends[::-1]


def write_levels(plan: bits.BitWriter, found: list[int]) -> None:
    """What `frequencies.read_levels` reads."""
    if len(found) == 1:
        return
    before, start = 0, 0
    for place in range(1, len(found) + 1):
        if place == len(found) or found[place] != found[start]:
            plan.number(place - start - 1, frequencies.RUN_ORDER)
            plan.signed(found[start] - before, frequencies.STEP_ORDER)
            before, start = found[start], place


def write_alphabet(plan: bits.BitWriter, alphabet: np.ndarray) -> None:
    """What `frequencies.read_alphabet` reads."""
    symbols = alphabet.astype(np.int64)
    gaps = np.diff(symbols, prepend=-1) - 1
    order = min(range(1 << frequencies.GAP_ORDER_BITS), key=lambda each: _size(gaps, each))
    plan.append(min(_runs(symbols), _gaps(gaps, order), key=len))


def _runs(symbols: np.ndarray) -> bits.BitWriter:
    plan = bits.BitWriter()
    plan.fixed(0, 1)
    runs = np.split(symbols, np.flatnonzero(np.diff(symbols) > 1) + 1)
    plan.number(len(runs) - 1)
    place = 0
    for run in runs:
        plan.number(int(run[0]) - place, frequencies.SKIP_ORDER)
        plan.number(len(run) - 1, frequencies.TAKE_ORDER)
        place = int(run[-1]) + 2
    return plan


def _gaps(gaps: np.ndarray, order: int) -> bits.BitWriter:
    plan = bits.BitWriter()
    plan.fixed(1, 1)
    plan.number(len(gaps) - 1, frequencies.SIZE_ORDER)
    plan.fixed(order, frequencies.GAP_ORDER_BITS)
    for gap in gaps.tolist():
        plan.number(gap, order)
    return plan


def _size(gaps: np.ndarray, order: int) -> int:
    """Bits of these numbers in Exp-Golomb of an order."""
    widths = np.frexp(gaps + (1 << order))[1]  # of whole numbers, exactly
    return int((2 * widths - order - 1).sum())


def data_bits(counts: np.ndarray, frequency: np.ndarray) -> float:
    """What symbols with these counts take under these frequencies."""
    return float((counts * (frequencies.PRECISION_BITS - np.log2(frequency))).sum())
