"""Yes or no for each example: (n,) of 0 and 1."""

import numpy as np

from tfedge.data import answers, classes, kind
from tfedge.data.class_numbers import ClassNumbers
from tfedge.data.matching.shapes import Shape, units_of


def _decide(outputs: np.ndarray, logits: bool) -> np.ndarray:
    if answers.width(outputs) > 1:
        return answers.highest(outputs)
    return answers.above(outputs.reshape(len(outputs)), logits)


def _looks_like(y: np.ndarray) -> bool:
    return classes.one_whole_number_each(y) and classes.is_zero_one(y)


def _seen_by(y: np.ndarray, output: Shape, _: int) -> str:
    return "classification" if y.ndim == 1 and units_of(output) == 2 else ""


def _hint(_: Shape, output: Shape, count: int) -> str:
    if tuple(output) != (2,):
        return ""
    return "Targets of 0 and 1 are taken as binary: give ?kind=classification."


KIND = kind.Kind(
    "binary",
    answers=answers.Answers.YES_OR_NO,
    metrics=("accuracy", "macro_f1", "auc"),
    loss="binary_crossentropy",
    classes=ClassNumbers(fixed=2),
    decide=_decide,
    looks_like=_looks_like,
    mixes=True,
    seen_by=_seen_by,
    hint=_hint,
)
