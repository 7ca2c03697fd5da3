"""Groups of held-out examples that the verdict looks at one by one: a camera, a country, a size."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data.splits import Split

MOST_GROUPS = 50  # of one slice: more have too few examples each to say anything

Column = np.ndarray | Callable[[Any, Any], np.ndarray]


def of_split(split: Split, columns: Mapping[str, Column], where: str) -> dict[str, np.ndarray]:
    """Which group each example is in.

    Args:
        split: the examples.
        columns: slice name -> one value for each example, or a function of a batch (raw inputs,
            targets) that gives such values, (batch,).
        where: what an error names before the slice.

    Returns:
        Slice name -> (n,) strings.

    Raises:
        BadInput: a column of another length, a function that fails or gives another shape, or
            more than 50 groups in one slice.
    """
    found = {name: _values(split, each, f"{where}, slice {name}") for name, each in columns.items()}
    for name, values in found.items():
        groups = len(np.unique(values))
        if groups > MOST_GROUPS:
            raise errors.BadInput(
                f"{where}, slice {name}",
                f"it has {groups} groups in {len(values)} examples",
                f"Give at most {MOST_GROUPS}, so that each has examples enough to judge.",
            )
    return found


def pairs(
    slices: Mapping[str, np.ndarray], before: np.ndarray, after: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Right answers of both models in each group, by "slice: group"."""
    return {
        f"{name}: {group}": (before[values == group], after[values == group])
        for name, values in slices.items()
        for group in np.unique(values)
    }


def _values(split: Split, column: Column, where: str) -> np.ndarray:
    values = _computed(split, column, where) if callable(column) else np.asarray(column)
    if values.shape != (len(split),):
        raise errors.BadInput(
            where,
            f"it has shape {values.shape}, there are {len(split)} held-out examples",
            "Give one value for each, in their order.",
        )
    return values.astype(str)


def _computed(split: Split, function: Callable, where: str) -> np.ndarray:
    try:
        return np.concatenate([np.asarray(function(x, y)) for x, y in split.batches(256)])
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise errors.BadInput(
            where,
            f"its function fails: {type(error).__name__}: {error}",
            "It takes (raw inputs, targets) of a batch and gives one value for each example.",
        ) from error
