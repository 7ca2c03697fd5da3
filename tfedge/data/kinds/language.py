"""The next token at each step: (n, steps) integers, -1 where none counts; made from the inputs."""

import numpy as np

from tfedge.data import answers, kind
from tfedge.data.class_numbers import ClassNumbers


def _decide(outputs: np.ndarray, _: bool) -> np.ndarray:
    return answers.highest(outputs)


def _next_tokens(x: np.ndarray, y: np.ndarray | None, padding: int | None, _: str) -> np.ndarray:
    """(n, steps) what comes next, -1 at the last step and where this or the next is padding.

    Args:
        x: (n, steps) token numbers.
        y: targets where there are some, such as those of an answer alone; None for those of x.
        padding: the number of what stands for no token; None where there is none.
    """
    if y is None:
        y = np.full(x.shape, -1, np.int32)
        y[:, :-1] = x[:, 1:]
    return y if padding is None else np.where((x == padding) | (y == padding), -1, y)


KIND = kind.Kind(
    "language",
    answers=answers.Answers.ONE_OF_MANY,
    metrics=("perplexity", "token_accuracy", "exact_match"),
    loss="sparse_categorical_crossentropy",
    classes=ClassNumbers(has_places=True, has_gaps=True, may_miss=True),
    decide=_decide,
    of_tokens=_next_tokens,
)
