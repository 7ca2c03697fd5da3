"""Sorts a kernel's rows and columns into classes that share a frequency table.

Pruning empties some neurons and some inputs more than others, so one table for all of a kernel
wastes bits. Rows and columns move in turn to the class whose tables code them shortest: k-means
with code length as the distance (Dhillon, Mallela, Modha, "Information-theoretic co-clustering",
KDD 2003).
"""

import dataclasses

import numpy as np

_FEW = ((2, 1), (1, 2), (2, 2))  # classes of rows and columns that are tried
_MORE = ((3, 3), (4, 4))  # and these, where the few paid
_ROUNDS = 6
_SMOOTHING = 0.05
_LEAST_SYMBOLS = 512
_MOST_SYMBOLS = 1 << 23  # beyond it the search takes longer than the gain is worth
_MOST_VALUES = 64  # dense kernels were never shorter with classes: each needs another large table
_SYMBOL_BITS, _TABLE_SYMBOLS = 6, 32  # about what a table takes


@dataclasses.dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row and each column, uint8, and about how many bits all takes."""

    of_row: np.ndarray
    of_column: np.ndarray
    bits: float

    @property
    def counts(self) -> tuple[int, int]:
        """How many classes of rows and of columns there are."""
        return int(self.of_row.max()) + 1, int(self.of_column.max()) + 1

    @property
    def chosen(self) -> np.ndarray:
        """The table of each symbol."""
        tables = self.of_row[:, None].astype(np.int64) * self.counts[1] + self.of_column[None]
        return tables.ravel()


def best(ranks: np.ndarray, size: int, row_counts: tuple[int, ...]) -> Classes | None:
    """The classes that take the fewest bits; None where one table does as well.

    Args:
        ranks: symbols as numbers below `size`, (n,).
        size: how many symbols there are.
        row_counts: the ways to cut the symbols into rows.
    """
    if not _LEAST_SYMBOLS <= len(ranks) <= _MOST_SYMBOLS or not 2 <= size <= _MOST_VALUES:
        return None
    matrices = [ranks.reshape(rows, -1) for rows in row_counts]
    few = [_sorted(matrix, size, *counts) for matrix in matrices for counts in _FEW]
    whole = np.bincount(ranks, minlength=size)[None]
    found = _shortest(few, _entropy(whole) + _table_bits(whole))
    if found is None:
        return None
    matrix = ranks.reshape(len(found.of_row), -1)
    more = [_sorted(matrix, size, *counts) for counts in _MORE if min(matrix.shape) >= counts[0]]
    return _shortest(more, found.bits) or found


def _shortest(options: list[Classes], least: float) -> Classes | None:
    options = [option for option in options if option.bits < least]
    return min(options, key=lambda option: option.bits, default=None)


def _sorted(matrix: np.ndarray, size: int, row_classes: int, column_classes: int) -> Classes:
    rows, columns = matrix.shape
    is_common = matrix == np.bincount(matrix.ravel(), minlength=size).argmax()
    of_row = _quantiles(is_common.mean(axis=1), row_classes)
    of_column = _quantiles(is_common.mean(axis=0), column_classes)
    for _ in range(_ROUNDS):
        if row_classes > 1:
            index = np.arange(rows)[:, None] * column_classes + of_column[None]
            of_row = _moved(_counts(index, matrix, rows * column_classes, size, rows), of_row, size)
        if column_classes > 1:
            index = np.arange(columns)[None] * row_classes + of_row[:, None]
            each = _counts(index, matrix, columns * row_classes, size, columns)
            of_column = _moved(each, of_column, size)
    of_row, of_column = _renumbered(of_row), _renumbered(of_column)
    index = of_row[:, None] * (of_column.max() + 1) + of_column[None]
    tables = _counts(index, matrix, int(index.max()) + 1, size, int(index.max()) + 1)
    cost = _entropy(tables) + _table_bits(tables)
    cost += _entropy(np.bincount(of_row)[None]) + _entropy(np.bincount(of_column)[None])
    return Classes(of_row.astype(np.uint8), of_column.astype(np.uint8), cost)


def _counts(index: np.ndarray, matrix: np.ndarray, cells: int, size: int, rows: int) -> np.ndarray:
    """How often each symbol occurs in each cell, (rows, cells * size / rows)."""
    flat = (index * size + matrix).ravel()
    return np.bincount(flat, minlength=cells * size).reshape(rows, -1)


def _moved(counts: np.ndarray, before: np.ndarray, size: int) -> np.ndarray:
    """The class that codes each line's counts, (lines, cells * size), shortest."""
    members = np.arange(int(before.max()) + 1)[:, None] == before[None]
    tables = members.astype(np.float64) @ counts + _SMOOTHING
    shares = tables.reshape(len(tables), -1, size)
    lengths = -np.log2(shares / shares.sum(axis=-1, keepdims=True))
    return (counts @ lengths.reshape(len(tables), -1).T).argmin(axis=1)


def _quantiles(values: np.ndarray, classes: int) -> np.ndarray:
    return values.argsort(kind="stable").argsort(kind="stable") * classes // len(values)


def _renumbered(of: np.ndarray) -> np.ndarray:
    return np.unique(of, return_inverse=True)[1]


def _entropy(counts: np.ndarray) -> float:
    totals = counts.sum(axis=-1, keepdims=True)
    return float((counts * np.log2(np.maximum(totals, 1) / np.maximum(counts, 1))).sum())


def _table_bits(counts: np.ndarray) -> float:
    return float(_SYMBOL_BITS * np.minimum((counts > 0).sum(axis=-1), _TABLE_SYMBOLS).sum())
