"""One of several classes at each step of a sequence: (n, steps) integers, -1 where none counts."""

import numpy as np

from tfedge import errors
from tfedge.data import answers, kind
from tfedge.data.class_numbers import ClassNumbers


def _decide(outputs: np.ndarray, _: bool) -> np.ndarray:
    return answers.highest(outputs)


def _looks_like(y: np.ndarray) -> bool:
    """Whole numbers of steps, some of them negative: what Keras and PyTorch leave out."""
    return y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind == "i" and bool((y < 0).any())


def _of_tokens(x: np.ndarray, y: np.ndarray | None, padding: int | None, where: str) -> np.ndarray:
    """The labels, -1 where the input is padding."""
    if y is None or y.shape != x.shape:
        there = "none" if y is None else f"labels {y.shape}"
        raise errors.BadInput(
            where,
            f"expected a label for each of the steps {x.shape}, there are {there}",
            "Give whole numbers in the shape of the input.",
        )
    return np.where(x == padding, -1, y)


KIND = kind.Kind(
    "tokens",
    answers=answers.Answers.ONE_OF_MANY,
    metrics=("token_accuracy", "exact_match", "macro_f1", "perplexity"),
    loss="sparse_categorical_crossentropy",
    classes=ClassNumbers(has_places=True, has_gaps=True),
    decide=_decide,
    looks_like=_looks_like,
    of_tokens=_of_tokens,
)
