"""Numbers for each example: float32 of any shape."""

import numpy as np

from tfedge.data import answers, classes, kind
from tfedge.data.matching.shapes import Shape, units_of


def _floats(y: np.ndarray, where: str) -> np.ndarray:
    if y.dtype == np.float32:
        return y
    classes.check_numbers(y, "regression", where)
    return y.astype(np.float32)


def _looks_like(y: np.ndarray) -> bool:
    """Floats, but not rows of 0 and 1, which are classes or labels."""
    if y.dtype.kind != "f":
        return False
    if y.ndim > 1 and y.shape[-1] > 1 and classes.is_one_hot(y):
        return False
    return not (y.ndim == 2 and y.shape[1] > 1 and classes.is_zero_one(y))


def _seen_by(y: np.ndarray, output: Shape, _: int) -> str:
    """Whole numbers that could be class numbers of so many units are."""
    units = units_of(output)
    if y.ndim > 1 or units is None or units < 2 or not y.size:
        return ""
    are_classes = np.all(y == np.floor(y)) and y.min() >= 0 and y.max() < units
    return "classification" if are_classes else ""


def _hint(_: Shape, output: Shape, __: int) -> str:
    return "If the targets are class numbers give ?kind=classification." if output else ""


KIND = kind.Kind(
    "regression",
    answers=answers.Answers.VALUES,
    metrics=("mean_absolute_error", "root_mean_squared_error", "relative_absolute_error"),
    loss="mean_squared_error",
    values=_floats,
    looks_like=_looks_like,
    seen_by=_seen_by,
    hint=_hint,
)
