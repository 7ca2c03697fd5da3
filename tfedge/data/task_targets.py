"""The targets of a task: in range, finite, and of every class in every split."""

import itertools
from collections.abc import Sequence

import numpy as np

from tfedge import errors
from tfedge.data import splits, targets, task

_LISTED = 10  # classes that a message names


def check(task: "task.Task", role: str, y: splits.Arrays) -> list[str]:
    """Warnings about the targets of one split.

    Calibration may be unlabelled or lack classes, with a warning; other splits may not.

    Args:
        task: says of which kind the targets are, and how many classes there are.
        role: of the split: "train", "calibration", "validation" or "holdout".
        y: all its targets.

    Raises:
        BadInput: a target out of range, not finite or of the wrong form; a class that is missing.
    """
    warnings = []
    for name, array in splits.named(y).items():
        where = f"task {task.name}, {role} {name}".strip()
        if role == "calibration" and targets.is_unlabelled(array):
            continue
        classes = _classes(task, name)
        check_values(array, task.kind, classes, where)
        cause = missing_classes(array, task.kind, classes, task.labels)
        if cause and role != "calibration":
            raise errors.BadInput(
                where, f"there is {cause}", "Add examples, or remove the class everywhere."
            )
        warnings += [f"{where}: {cause}"] if cause else []
    return warnings


def check_values(y: np.ndarray, kind: str, classes: int, where: str) -> None:
    """Refuses a target that is not finite, of the wrong form, or out of range, by its index.

    Args:
        y: (n, ...) targets of one output.
        kind: one of `targets.KINDS`.
        classes: how many there are.
        where: what the error names.

    Raises:
        BadInput: naming the first such target and the range.
    """
    _check_finite(y, where)
    if kind not in ("regression", "custom"):
        _check_form(y, kind, where)
        _check_range(y, 2 if kind == "multilabel" else classes, where)


def missing_classes(y: np.ndarray, kind: str, classes: int, labels: Sequence[str] = ()) -> str:
    """What to say of classes without an example, or "", of targets that `check_values` let pass."""
    if kind in ("regression", "custom"):
        return ""
    present = np.flatnonzero(y.any(axis=0)) if kind == "multilabel" else np.unique(y)
    found, count = set(present.tolist()), classes - len(present)
    if not count:
        return ""
    first = list(itertools.islice((n for n in range(classes) if n not in found), _LISTED))
    names = ", ".join(labels[each] if labels else str(each) for each in first)
    more = ", ..." if count > _LISTED else ""
    beyond = _beyond(y, kind, first[0])
    return f"no example of class {names}{more} ({count} of {classes} classes){beyond}"


def _classes(task: "task.Task", name: str) -> int:
    if task.labels or not name or task.kind in ("regression", "custom"):
        return task.num_classes
    return targets.num_classes(splits.named(task.train.targets())[name], task.kind)


def _check_finite(y: np.ndarray, where: str) -> None:
    if y.dtype.kind != "f":
        return
    broken = np.argwhere(~np.isfinite(y))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise errors.BadInput(
            where,
            f"the target at index {index[0]} is {y[index]} ({len(broken)} such values)",
            "Repair or drop these examples.",
        )


def _check_form(y: np.ndarray, kind: str, where: str) -> None:
    """Splits in memory were brought to this form by Task; streams have to come in it."""
    if not targets.fits_axes(y, kind) or y.dtype.kind not in "biu":
        raise errors.BadInput(
            where,
            f"targets of {kind} are integers with {targets.axes_shown(kind)},"
            f" got {y.shape} {y.dtype}",
            "Give class numbers: of one-hot targets the argmax, of (n, 1) the column.",
        )


def _check_range(y: np.ndarray, classes: int, where: str) -> None:
    broken = np.argwhere((y < 0) | (y >= classes))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise errors.BadInput(
            where,
            f"the label at index {index[0]} is {y[index]}, expected 0..{classes - 1}"
            f" ({len(broken)} such labels, range {y.min()}..{y.max()})",
            "Number the classes from 0, and give labels for all of them.",
        )


def _beyond(y: np.ndarray, kind: str, first_missing: int) -> str:
    """Where labels go on after the gap, which a mistyped one leaves."""
    beyond = np.flatnonzero(y > first_missing)
    if kind != "classification" or not len(beyond):
        return ""
    index = int(beyond[0])
    return f"; the label at index {index} is {y[index]} (range {y.min()}..{y.max()})"
