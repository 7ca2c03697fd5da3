"""sorting: 34,000 lists of letters, each followed by the same in order; needs no file.

A language of 29 tokens for models that write: 4 to 10 different letters (3 to 28, drawn at random),
a 1, the letters in order, a 2, and 0 up to 22 tokens. What is to be written is all behind the 1, so
an exact match is a list that is sorted without a fault.
"""

import numpy as np

from tfedge import settings
from tfedge.data import task
from tfedge.data.reading import options
from tfedge.data.source import Source

VOCABULARY = 29
STEPS = 22
_ASK, _END, _FIRST = 1, 2, 3
_SHORTEST, _LONGEST = 4, 10
_SIZES = (20_000, 2_000, 12_000)  # of train, validation, held-out


@settings.declared
class Sorting(Source):
    """Train 20,000, validation 2,000, held-out 12,000, calibration 500 of train."""

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`. Only the calibration examples depend on the seed."""
        whole = task.ArraySplit(*_write(sum(_SIZES), np.random.default_rng(0)))
        rows = np.split(np.arange(len(whole)), np.cumsum(_SIZES)[:-1])
        train, validation, holdout = (whole.take(each) for each in rows)
        chosen = np.random.default_rng(seed).permutation(len(train))[:500]
        return task.Task(
            name="sorting",
            kind="language",
            train=train,
            calibration=train.take(np.sort(chosen)),
            validation=validation,
            holdout=holdout,
            metric=self.metric,
            class_weight=self.class_weight,
            seed=seed,
        )


def _write(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(count, 22) int32 tokens, all different, and what comes next behind each 1."""
    made = count + count // 4  # short lists come twice
    letters = generator.permuted(np.tile(np.arange(_FIRST, VOCABULARY), (made, 1)), axis=1)
    sizes = generator.integers(_SHORTEST, _LONGEST + 1, (made, 1))
    asked = np.where(np.arange(_LONGEST) < sizes, letters[:, :_LONGEST], 0)
    tokens = np.zeros((made, STEPS), np.int32)
    tokens[:, :_LONGEST] = asked
    in_order = np.sort(np.where(asked == 0, VOCABULARY, asked), axis=1)
    np.put_along_axis(tokens, sizes, _ASK, axis=1)
    places = sizes + 1 + np.arange(_LONGEST)
    np.put_along_axis(tokens, places, np.where(in_order == VOCABULARY, 0, in_order), axis=1)
    np.put_along_axis(tokens, 2 * sizes + 1, _END, axis=1)
    _, first = np.unique(tokens, axis=0, return_index=True)
    tokens = tokens[np.sort(first)[:count]]
    return tokens, _answers(tokens)


def _answers(tokens: np.ndarray) -> np.ndarray:
    """(n, 22) the next token from the 1 to the last letter, else -1."""
    following = np.zeros_like(tokens)
    following[:, :-1] = tokens[:, 1:]
    is_answer = np.cumsum(tokens == _ASK, axis=1) > 0
    return np.where(is_answer & (following > 0), following, -1)
