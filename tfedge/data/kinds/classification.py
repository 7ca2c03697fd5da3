"""One of several classes for each example: (n,) integers."""

import numpy as np

from tfedge.data import answers, classes, kind
from tfedge.data.class_numbers import ClassNumbers
from tfedge.data.matching.shapes import Shape, units_of


def _decide(outputs: np.ndarray, _: bool) -> np.ndarray:
    return answers.highest(outputs)


def _looks_like(y: np.ndarray) -> bool:
    """One-hot rows, or a whole number for each example that is not just 0 or 1."""
    if y.ndim == 2 and y.shape[1] > 1:
        return classes.is_one_hot(y)
    return classes.one_whole_number_each(y) and not classes.is_zero_one(y)


def _seen_by(y: np.ndarray, output: Shape, count: int) -> str:
    if y.ndim > 1 or units_of(output) != 1:
        return ""
    return "binary" if count == 2 else "regression"


def _hint(_: Shape, output: Shape, count: int) -> str:
    return "For one sigmoid output give ?kind=binary." if (count, *output) == (2, 1) else ""


KIND = kind.Kind(
    "classification",
    answers=answers.Answers.ONE_OF_MANY,
    metrics=("accuracy", "top5", "macro_f1", "auc"),
    loss="sparse_categorical_crossentropy",
    classes=ClassNumbers(one_hot=True),
    decide=_decide,
    looks_like=_looks_like,
    mixes=True,
    seen_by=_seen_by,
    hint=_hint,
)
