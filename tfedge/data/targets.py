"""The kinds of targets: how each is stored, and which kind an array of targets is."""

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import splits

KINDS = ("classification", "binary", "multilabel", "regression", "segmentation", "custom")


def canonical(y: splits.Arrays, kind: str, where: str) -> splits.Arrays:
    """The targets in the form `Task` documents for `kind`.

    Args:
        y: targets, or several by output name.
        kind: one of `KINDS`; custom targets are returned as they are.
        where: what to name in a log line or error, such as "y_train".

    Returns:
        `y` itself where nothing had to change.

    Raises:
        BadInput: the shape or dtype cannot be of this kind.
    """
    if not isinstance(y, dict):
        return canonical_array(y, kind, where)
    changed = {name: canonical_array(array, kind, f"{where} {name}") for name, array in y.items()}
    return y if all(changed[name] is y[name] for name in y) else changed


def canonical_array(y: np.ndarray, kind: str, where: str) -> np.ndarray:
    """`canonical` of the targets of one output."""
    if kind == "custom":
        return y
    if kind == "regression":
        return y if y.dtype == np.float32 else _numbers(y, kind, where).astype(np.float32)
    if kind != "multilabel" and y.ndim > fewest_axes(kind) and y.shape[-1] == 1:
        logging.info("%s: %s is taken as %s", where, y.shape, y.shape[:-1])
        y = y[..., 0]
    elif kind in ("classification", "segmentation") and _may_be_one_hot(y, kind):
        logging.info("%s: one-hot %s is turned into class numbers", where, y.shape)
        return y.argmax(axis=-1).astype(np.int32)
    if not fits_axes(y, kind):
        raise errors.BadInput(
            where,
            f"targets of {kind} have {axes_shown(kind)}, got {y.shape}",
            "Give a class number for each example; one for each pixel or step is"
            " kind=segmentation, numbers that are no classes kind=regression.",
        )
    return _whole(y, kind, where)


def fewest_axes(kind: str) -> int:
    """Of canonical targets: segmentation has one for the examples and one or more of places."""
    return {"classification": 1, "binary": 1, "multilabel": 2, "segmentation": 2}[kind]


def fits_axes(y: np.ndarray, kind: str) -> bool:
    """Whether targets have the axes of their kind: steps, pixels and voxels are all places."""
    return y.ndim == fewest_axes(kind) or (kind == "segmentation" and y.ndim > 2)


def axes_shown(kind: str) -> str:
    """What `fits_axes` asks for, in words."""
    fewest = fewest_axes(kind)
    if kind == "segmentation":
        return f"{fewest} or more axes"
    return f"{fewest} axes" if fewest > 1 else "1 axis"


def infer(y: np.ndarray) -> str:
    """The kind of one array of targets, from its dtype, shape and values.

    Integers or booleans of 0 and 1 alone are "binary"; rows of 0 and 1 with exactly one 1 are
    one-hot classes, other rows of 0 and 1 "multilabel"; other rows and maps of integers, one for
    each step or pixel, "segmentation"; whole
    numbers stored as floats count as "regression", because a wrong guess is then refused by its
    shape when a model is compared with it, and never trained on.
    """
    if y.ndim > 1 and y.shape[-1] > 1 and is_one_hot(y):
        return "classification" if y.ndim == 2 else "segmentation"
    if y.ndim == 2 and y.shape[1] > 1 and _is_zero_one(y):
        return "multilabel"
    if y.dtype.kind == "f":
        return "regression"
    one_each = y.ndim == 1 or y.shape[1:] == (1,)
    if one_each and _is_zero_one(y):
        return "binary"
    return "classification" if one_each else "segmentation"


def num_classes(y: splits.Arrays, kind: str) -> int:
    """The number of classes in canonical targets; the largest of several outputs."""
    if kind == "binary":
        return 2
    if kind == "multilabel":
        return max(array.shape[1] for array in splits.named(y).values())
    return max(int(array.max()) + 1 if array.size else 0 for array in splits.named(y).values())


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


def one_hot_labels(y: splits.Arrays, kind: str) -> tuple[str, ...]:
    """Class numbers as names: the width of one-hot targets counts classes that never occur.

    Empty where `y` is not one-hot, or several outputs.
    """
    if kind not in ("classification", "segmentation") or isinstance(y, dict):
        return ()
    wide = _may_be_one_hot(y, kind) and y.shape[-1] > 1
    return tuple(str(number) for number in range(y.shape[-1])) if wide else ()


def is_one_hot(y: np.ndarray) -> bool:
    """Whether every row of the last axis is 0 but for a single 1."""
    return len(y) > 0 and _is_zero_one(y) and bool((y.sum(axis=-1) == 1).all())


def _may_be_one_hot(y: np.ndarray, kind: str) -> bool:
    """One axis more than the fewest of the kind, or any more of places, and a single 1 a row."""
    more = y.ndim - fewest_axes(kind)
    return (more == 1 or (kind == "segmentation" and more > 1)) and is_one_hot(y)


def _is_zero_one(y: np.ndarray) -> bool:
    return bool(((y == 0) | (y == 1)).all())


def _whole(y: np.ndarray, kind: str, where: str) -> np.ndarray:
    """Class numbers as integers; fractions are refused, NaN included."""
    if y.dtype.kind in "iu":
        return y
    numbers = _numbers(y, kind, where)
    broken = np.argwhere(~(numbers == np.floor(numbers)))
    if len(broken):
        index = tuple(int(i) for i in broken[0])
        raise errors.BadInput(
            where,
            f"targets of {kind} are whole numbers, the one at index {index[0]} is {y[index]}",
            "Give class numbers, or kind=regression.",
        )
    return numbers.astype(np.int32)


def _numbers(y: np.ndarray, kind: str, where: str) -> np.ndarray:
    if y.dtype.kind not in "biuf":
        raise errors.BadInput(
            where, f"targets of {kind} are numbers, got dtype {y.dtype}", "Encode them as numbers."
        )
    return y
