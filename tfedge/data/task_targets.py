"""The targets of a task: in range, finite, and of every class in every split."""

import numpy as np

from tfedge import errors
from tfedge.data import splits, targets, task


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
        if task.kind in ("regression", "custom"):
            continue
        if missing := _missing(array, task.kind, classes):
            cause = f"no example of {_listed(task, missing)} ({len(missing)} of {classes} classes)"
            cause += _beyond(array, task.kind, missing[0])
            if role != "calibration":
                raise errors.BadInput(
                    where, f"there is {cause}", "Add examples, or remove the class everywhere."
                )
            warnings.append(f"{where}: {cause}")
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
    axes = {"classification": 1, "binary": 1, "multilabel": 2, "segmentation": 3}[kind]
    if y.ndim != axes or y.dtype.kind not in "biu":
        raise errors.BadInput(
            where,
            f"targets of {kind} are integers with {axes} axes, got {y.shape} {y.dtype}",
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


def _missing(y: np.ndarray, kind: str, classes: int) -> list[int]:
    counts = y.sum(axis=0) if kind == "multilabel" else np.bincount(y.ravel(), minlength=classes)
    return np.flatnonzero(np.asarray(counts) == 0).tolist()


def _beyond(y: np.ndarray, kind: str, first_missing: int) -> str:
    """Where labels go on after the gap, which a mistyped one leaves."""
    beyond = np.flatnonzero(y > first_missing)
    if kind != "classification" or not len(beyond):
        return ""
    index = int(beyond[0])
    return f"; the label at index {index} is {y[index]} (range {y.min()}..{y.max()})"


def _listed(task: "task.Task", classes: list[int]) -> str:
    names = [task.labels[each] if task.labels else str(each) for each in classes[:10]]
    return "class " + ", ".join(names) + (", ..." if len(classes) > 10 else "")
