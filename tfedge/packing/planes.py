"""How one plane of symbols is written: raw, by a table, by tables used before, or by classes."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfedge.packing import bits, classes, fitting, frequencies, parts

_EARLIER = 24  # tables looked at again


@dataclasses.dataclass(frozen=True, eq=False)
class Coded:
    """Symbols for the lanes: their places in the alphabet, and the table of each."""

    tables: frequencies.Tables
    places: np.ndarray
    chosen: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane as it will be written.

    Attributes:
        plan: its part of the plan.
        bits: what it takes in all.
        raw: bytes that are written as they are.
        coded: what the lanes get, in order.
        single: the one table of all its symbols, which later planes may use again.
    """

    plan: bits.BitWriter
    bits: float
    raw: bytes = b""
    coded: tuple[Coded, ...] = ()
    single: frequencies.Tables | None = None


def shortest(
    symbols: np.ndarray,
    earlier: Sequence[frequencies.Tables] = (),
    row_counts: tuple[int, ...] = (),
) -> Plane:
    """The way to write a plane that takes the fewest bits.

    Args:
        symbols: uint8 (n,).
        earlier: tables of planes before it, in order.
        row_counts: ways to cut the symbols into rows which may fall into classes.
    """
    raw = bits.BitWriter()
    raw.fixed(1, 1)
    options = [Plane(raw, 8.0 * len(symbols) + 1, raw=symbols.tobytes())]
    if len(symbols):
        counts = np.bincount(symbols, minlength=256)
        options += _again(symbols, counts, earlier)
        options += [_single(symbols, counts, each) for each in fitting.alphabets(counts)]
        alphabet = fitting.alphabets(counts)[0]
        ranks = np.searchsorted(alphabet, symbols)
        found = classes.best(ranks, len(alphabet), row_counts)
        if found is not None:
            options.append(_classed(ranks, alphabet, found))
    return min(options, key=lambda plane: plane.bits)


def _again(
    symbols: np.ndarray, counts: np.ndarray, earlier: Sequence[frequencies.Tables]
) -> list[Plane]:
    found = []
    for back, tables in enumerate(reversed(earlier[-_EARLIER:])):
        if counts[tables.alphabet].sum() < len(symbols):
            continue  # a symbol it does not have
        plan = bits.BitWriter()
        plan.fixed(0b01, 2)
        plan.number(back)
        data = fitting.data_bits(counts[tables.alphabet], tables.frequencies[0])
        coded = Coded(tables, np.searchsorted(tables.alphabet, symbols))
        found.append(Plane(plan, len(plan) + data, coded=(coded,), single=tables))
    return found


def _single(symbols: np.ndarray, counts: np.ndarray, alphabet: np.ndarray) -> Plane:
    plan = _own(1, 1)
    fitting.write_alphabet(plan, alphabet)
    tables = _fitted(plan, counts[alphabet][None], alphabet)
    data = fitting.data_bits(counts[alphabet], tables.frequencies[0])
    coded = Coded(tables, np.searchsorted(alphabet, symbols))
    return Plane(plan, len(plan) + data, coded=(coded,), single=tables)


def _classed(ranks: np.ndarray, alphabet: np.ndarray, found: classes.Classes) -> Plane:
    row_classes, column_classes = found.counts
    plan = _own(row_classes, column_classes)
    plan.number(len(found.of_row), parts.ROWS_ORDER)
    coded = []
    for of, size in ((found.of_row, row_classes), (found.of_column, column_classes)):
        counts = np.bincount(of, minlength=size)
        tables = _fitted(plan, counts[None], np.arange(size, dtype=np.uint8))
        coded.append(Coded(tables, of.astype(np.int64)))
    fitting.write_alphabet(plan, alphabet)
    cells = row_classes * column_classes
    flat = np.bincount(
        found.chosen * len(alphabet) + ranks, minlength=cells * len(alphabet)
    ).reshape(cells, -1)
    tables = _fitted(plan, flat, alphabet)
    coded.append(Coded(tables, ranks, found.chosen))
    data = sum(
        fitting.data_bits(np.bincount(of, minlength=size), each.tables.frequencies[0])
        for of, size, each in zip(
            (found.of_row, found.of_column), found.counts, coded[:2], strict=True
        )
    ) + fitting.data_bits(flat, tables.frequencies)
    return Plane(plan, len(plan) + data, coded=tuple(coded))


def _own(row_classes: int, column_classes: int) -> bits.BitWriter:
    """The start of a plane with tables of its own."""
    plan = bits.BitWriter()
    plan.fixed(0b00, 2)
    plan.fixed(row_classes - 1, parts.CLASS_BITS)
    plan.fixed(column_classes - 1, parts.CLASS_BITS)
    return plan


def _fitted(plan: bits.BitWriter, counts: np.ndarray, alphabet: np.ndarray) -> frequencies.Tables:
    rows = []
    for row in counts:
        levels = fitting.levels(row)
        fitting.write_levels(plan, levels)
        rows.append(frequencies.from_levels(levels))
    return frequencies.Tables(alphabet, np.array(rows, np.int64))
