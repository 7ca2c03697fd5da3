"""Groups of held-out examples that the verdict looks at one by one: a camera, a country, a size."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.data.task import Task

MOST_GROUPS = 50  # of one slice: more have too few examples each to say anything

Column = np.ndarray | Callable[[Any, Any], np.ndarray]


def of_holdout(task: "Task") -> dict[str, np.ndarray]:
    """Which group each held-out example is in.

    Args:
        task: its `slices` are columns, one value for each held-out example, or functions of a
            batch (raw inputs, targets) that give such values, (batch,).

    Returns:
        Slice name -> (n,) strings.

    Raises:
        BadInput: a column of another length, a function that fails or gives another shape, or
            more than 50 groups in one slice.
    """
    if not task.slices or task.holdout is None:
        return {}
    found = {name: _values(task, name, column) for name, column in task.slices.items()}
    for name, values in found.items():
        groups = len(np.unique(values))
        if groups > MOST_GROUPS:
            raise errors.BadInput(
                _where(task, name),
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


def _values(task: "Task", name: str, column: Column) -> np.ndarray:
    assert task.holdout is not None
    values = _computed(task, name, column) if callable(column) else np.asarray(column)
    if values.shape != (len(task.holdout),):
        raise errors.BadInput(
            _where(task, name),
            f"it has shape {values.shape}, there are {len(task.holdout)} held-out examples",
            "Give one value for each, in their order.",
        )
    return values.astype(str)


def _computed(task: "Task", name: str, function: Callable) -> np.ndarray:
    assert task.holdout is not None
    try:
        return np.concatenate([np.asarray(function(x, y)) for x, y in task.holdout.batches(256)])
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise errors.BadInput(
            _where(task, name),
            f"its function fails: {type(error).__name__}: {error}",
            "It takes (raw inputs, targets) of a batch and gives one value for each example.",
        ) from error


def _where(task: "Task", name: str) -> str:
    return f"task {task.name}, slice {name}"
