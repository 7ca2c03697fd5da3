"""The targets of a split, of one output or of several by name."""

import numpy as np

from tfedge.data import splits
from tfedge.data.kind import Kind


def canonical(y: splits.Arrays, kind: Kind, where: str) -> splits.Arrays:
    """The targets in the form `Task` documents for their kind.

    Args:
        y: targets, or several by output name.
        kind: of all of them.
        where: what to name in a log line or error, such as "y_train".

    Returns:
        `y` itself where nothing had to change.

    Raises:
        BadInput: the shape or dtype cannot be of this kind.
    """
    if not isinstance(y, dict):
        return kind.canonical(y, where)
    changed = {name: kind.canonical(array, f"{where} {name}") for name, array in y.items()}
    return y if all(changed[name] is y[name] for name in y) else changed


def num_classes(y: splits.Arrays, kind: Kind) -> int:
    """The number of classes in canonical targets, the largest of several outputs; 0 without any."""
    if kind.classes is None:
        return 0
    return max(map(kind.classes.count, splits.named(y).values()))


def names(y: splits.Arrays, kind: Kind) -> tuple[str, ...]:
    """Names of the classes that the form of raw targets gives; () of several outputs."""
    if kind.classes is None or isinstance(y, dict):
        return ()
    return kind.classes.names(y)


def unlabelled(like: splits.Arrays, n: int) -> splits.Arrays:
    """Targets of `n` examples that nobody labelled: -1, or NaN where targets are floats.

    Calibration needs inputs alone; these targets keep the shape of a split.
    """
    if isinstance(like, dict):
        return {name: np.asarray(unlabelled(array, n)) for name, array in like.items()}
    nothing = np.nan if like.dtype.kind == "f" else -1
    return np.full((n, *like.shape[1:]), nothing, like.dtype if nothing != -1 else np.int32)


def is_unlabelled(y: np.ndarray) -> bool:
    """Whether `y` is what `unlabelled` made."""
    return len(y) > 0 and bool(np.isnan(y).all() if y.dtype.kind == "f" else (y == -1).all())
