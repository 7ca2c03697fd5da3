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
    wide = {"classification": 2, "segmentation": 4, "multilabel": 0, "binary": 2}[kind]
    if y.ndim == wide and y.shape[-1] == 1:
        logging.info("%s: %s is taken as %s", where, y.shape, y.shape[:-1])
        y = y[..., 0]
    elif y.ndim == wide and kind != "binary" and is_one_hot(y):
        logging.info("%s: one-hot %s is turned into class numbers", where, y.shape)
        return y.argmax(axis=-1).astype(np.int32)
    expected = {"classification": 1, "binary": 1, "multilabel": 2, "segmentation": 3}[kind]
    if y.ndim != expected:
        raise errors.BadInput(
            where,
            f"targets of {kind} have {expected} axes (one-hot: {expected + 1}), got {y.shape}",
            "Give one class number for each example (segmentation: each pixel), or another kind.",
        )
    return _whole(y, kind, where)


def infer(y: np.ndarray) -> str:
    """The kind of one array of targets, from its dtype, shape and values.

    Integers or booleans of 0 and 1 alone are "binary"; rows of 0 and 1 with exactly one 1 are
    one-hot classes, other rows of 0 and 1 "multilabel"; maps of integers "segmentation"; whole
    numbers stored as floats count as "regression", because a wrong guess is then refused by its
    shape when a model is compared with it, and never trained on.
    """
    if y.ndim > 1 and y.shape[-1] > 1 and is_one_hot(y):
        return "classification" if y.ndim == 2 else "segmentation"
    if y.ndim == 2 and y.shape[1] > 1 and _is_zero_one(y):
        return "multilabel"
    if y.dtype.kind == "f":
        return "regression"
    if y.ndim <= 2 and _is_zero_one(y):
        return "binary"
    return "classification" if y.ndim <= 2 else "segmentation"


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
    wide = y.ndim == (2 if kind == "classification" else 4) and y.shape[-1] > 1
    return tuple(str(number) for number in range(y.shape[-1])) if wide and is_one_hot(y) else ()


def is_one_hot(y: np.ndarray) -> bool:
    """Whether every row of the last axis is 0 but for a single 1."""
    return len(y) > 0 and _is_zero_one(y) and bool((y.sum(axis=-1) == 1).all())


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
