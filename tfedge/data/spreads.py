"""In what units several numbers are predicted, so that a price does not outweigh a rate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import splits
from tfedge.data.answers import Answers

if TYPE_CHECKING:
    from tfedge.data import task

Spread = float | np.ndarray  # one for all values of an output, or (columns,)
_UNEVEN = 10.0  # times as far as others lie the targets of a column from their mean
_MOST_COLUMNS = 32  # of different things; more are a vector's, some of which hardly ever vary
_ROUNDING = 1e-6  # of float32: what varies by less is constant


def of(task: "task.Task") -> Mapping[str, Spread]:
    """Output -> how far its training targets lie from their mean, the root of the mean square.

    Of an output in few columns, (n, columns), some of which spread ten times as far as others, it
    is that of each column. Outputs that say anything but numbers, and constant ones, are left out,
    and a single output, of the name "" where it has none, that has nothing to be weighed against.
    """
    y = task.train.targets()
    named = splits.named(y)
    are_values = [n for n, each in named.items() if task.kind_of(each).answers is Answers.VALUES]
    found: dict[str, Spread] = {}
    for name in are_values:
        columns = by_column(named[name])
        whole = float(np.sqrt(np.mean(np.square(columns))))
        if _are_uneven(columns):
            found[name] = np.where(columns > 0, columns, whole).astype(np.float32)
        elif whole > 0 and len(named) > 1:
            found[name] = whole
    return found


def uneven(task: "task.Task") -> Mapping[str, np.ndarray]:
    """Those outputs of `of` whose columns are in units of their own."""
    return {name: each for name, each in of(task).items() if isinstance(each, np.ndarray)}


def divisor(spread: Spread, shape: Sequence[int | None]) -> Spread:
    """A spread as values of a shape are divided by it, the examples first.

    Columns may be (n, columns, 1) in an output, say.
    """
    if isinstance(spread, float):
        return spread
    return spread.reshape([-1 if size is None else size for size in shape[1:]])


def by_column(y: np.ndarray) -> np.ndarray:
    """(columns,) spreads of (n, columns) numbers; of numbers in another form (1,), that of all."""
    values = np.asarray(y, np.float64)
    squares = np.mean(np.square(values - values.mean(axis=0)), axis=0)
    if values.ndim != 2:
        return np.sqrt(np.mean(squares, keepdims=True)).ravel()
    spread = np.sqrt(squares)
    return np.where(spread > _ROUNDING * np.abs(values).max(axis=0), spread, 0.0)


def _are_uneven(columns: np.ndarray) -> bool:
    varying = columns[columns > 0]
    are_few = 1 < len(varying) and len(columns) <= _MOST_COLUMNS
    return are_few and varying.max() > _UNEVEN * varying.min()
