"""One of several classes at each step, pixel or voxel: (n, places...) integers."""

import numpy as np

from tfedge.data import answers, classes, kind
from tfedge.data.class_numbers import ClassNumbers
from tfedge.data.matching.shapes import Shape, matches


def _decide(outputs: np.ndarray, logits: bool) -> np.ndarray:
    """One unit at each place tells two classes."""
    if answers.width(outputs) > 1:
        return answers.highest(outputs)
    return answers.above(outputs[..., 0], logits)


def _looks_like(y: np.ndarray) -> bool:
    """One-hot at places, or whole numbers at them that are not labels (`multilabel`)."""
    if y.ndim > 2 and y.shape[-1] > 1 and classes.is_one_hot(y):
        return True
    if y.dtype.kind == "f" or classes.one_whole_number_each(y) or (y < 0).any():
        return False
    return not (y.ndim == 2 and y.shape[1] > 1 and classes.is_zero_one(y))


def _seen_by(y: np.ndarray, output: Shape, _: int) -> str:
    return "regression" if y.ndim == 2 and tuple(output) == y.shape[1:] else ""


def _hint(target: Shape, output: Shape, _: int) -> str:
    if not matches(output, target):
        return ""
    return "If the targets are numbers and no classes, give kind=regression."


KIND = kind.Kind(
    "segmentation",
    answers=answers.Answers.ONE_OF_MANY,
    metrics=("accuracy", "mean_iou", "macro_f1"),
    loss="sparse_categorical_crossentropy",
    classes=ClassNumbers(has_places=True, one_hot=True),
    decide=_decide,
    looks_like=_looks_like,
    seen_by=_seen_by,
    hint=_hint,
)
