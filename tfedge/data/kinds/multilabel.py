"""Any number of labels for each example: (n, labels) of 0 and 1."""

import numpy as np

from tfedge.data import answers, classes, kind
from tfedge.data.label_columns import LabelColumns
from tfedge.data.matching.shapes import Shape


def _looks_like(y: np.ndarray) -> bool:
    rows = y.ndim == 2 and y.shape[1] > 1
    return rows and classes.is_zero_one(y) and not classes.is_one_hot(y)


def _seen_by(y: np.ndarray, output: Shape, _: int) -> str:
    return "segmentation" if len(output) == y.ndim and output[-1] else ""


KIND = kind.Kind(
    "multilabel",
    answers=answers.Answers.YES_OR_NO,
    metrics=("accuracy", "macro_f1", "auc"),
    loss="binary_crossentropy",
    classes=LabelColumns(),
    decide=answers.above,
    looks_like=_looks_like,
    mixes=True,
    seen_by=_seen_by,
)
