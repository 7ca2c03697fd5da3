"""The targets of a task: in range, finite, and of every class in every split."""

import itertools
from collections.abc import Sequence

import numpy as np

from tfedge import errors
from tfedge.data import splits, targets, task
from tfedge.data.kind import Kind

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
        check_values(array, task.kind_facts, classes, where)
        cause = missing_classes(array, task.kind_facts, classes, task.labels)
        if cause and role != "calibration":
            raise errors.BadInput(
                where, f"there is {cause}", "Add examples, or remove the class everywhere."
            )
        warnings += [f"{where}: {cause}"] if cause else []
    return warnings


def check_values(y: np.ndarray, kind: Kind, classes: int, where: str) -> None:
    """Refuses a target that is not finite, of the wrong form, or out of range, by its index.

    Args:
        y: (n, ...) targets of one output.
        kind: theirs.
        classes: how many there are.
        where: what the error names.

    Raises:
        BadInput: naming the first such target and the range.
    """
    _check_finite(y, where)
    if kind.classes is not None:
        kind.classes.check(y, kind.name, classes, where)


def missing_classes(y: np.ndarray, kind: Kind, classes: int, labels: Sequence[str] = ()) -> str:
    """What to say of classes without an example, or "", of targets that `check_values` let pass."""
    if kind.classes is None or kind.classes.may_miss:
        return ""
    found = set(kind.classes.present(y).tolist())
    count = classes - len(found)
    if not count:
        return ""
    first = list(itertools.islice((n for n in range(classes) if n not in found), _LISTED))
    names = ", ".join(labels[each] if labels else str(each) for each in first)
    more = ", ..." if count > _LISTED else ""
    beyond = _beyond(y, first[0]) if kind.classes.are_counted else ""
    return f"no example of class {names}{more} ({count} of {classes} classes){beyond}"


def _classes(task: "task.Task", name: str) -> int:
    if task.labels or not name:
        return task.num_classes
    return targets.num_classes(splits.named(task.train.targets())[name], task.kind_facts)


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


def _beyond(y: np.ndarray, first_missing: int) -> str:
    """Where labels go on after the gap, which a mistyped one leaves."""
    beyond = np.argwhere(y > first_missing)
    if not len(beyond):
        return ""
    index = tuple(int(i) for i in beyond[0])
    return f"; the label at index {index[0]} is {y[index]} (range {y.min()}..{y.max()})"
