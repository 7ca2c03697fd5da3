"""reviews: 73,000 made-up reviews of up to 32 words, each for or against; needs no file.

Words are numbers from 1, frequent ones small, with 0 behind the end. Two to four clauses have a
word each that says good or bad. A negator before it turns it, an intensifier doubles it, and what
comes before a "but" counts half. A review is for what the sum says, or its last clause where the
sum is 0. All other words say nothing.
"""

import dataclasses

import numpy as np

from tfedge import settings
from tfedge.data import task
from tfedge.data.reading import options
from tfedge.data.source import Source

VOCABULARY = 4000
WORDS = 32
_CLAUSES = 4
_SIZES = (60_000, 3_000, 10_000)  # of train, validation, held-out
_KINDS = {
    "good": 400,
    "bad": 400,
    "intensifier": 60,
    "negator": 20,
    "but": 10,
}  # others say nothing
_OFTEN = 400  # the words that grammar needs are among so many most frequent ones


@settings.declared
class Reviews(Source):
    """Train 60,000, validation 3,000, held-out 10,000, calibration 500 of train."""

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`. The language and the held-out examples are those of every seed."""
        words = _words()
        train, validation, holdout = (
            task.ArraySplit(*_write(words, size, np.random.default_rng([number, size])))
            for number, size in enumerate(_SIZES)
        )
        chosen = np.random.default_rng(seed).permutation(len(train))[:500]
        return task.Task(
            name="reviews",
            kind="classification",
            train=train,
            calibration=train.take(np.sort(chosen)),
            validation=validation,
            holdout=holdout,
            labels=("against", "for"),
            metric=self.metric,
            class_weight=self.class_weight,
            seed=seed,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Word:
    """Words of one kind.

    Args:
        numbers: (words,) in order.
        shares: (words,) how often each is drawn; they add up to 1.
    """

    numbers: np.ndarray
    shares: np.ndarray

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        return generator.choice(self.numbers, shape, p=self.shares)


def _words() -> dict[str, _Word]:
    """By kind; a word of rank r is drawn in proportion to 1 / (r + 20)."""
    free = np.random.default_rng(0).permutation(np.arange(1, VOCABULARY))
    found = {}
    for kind in reversed(_KINDS):  # the rare kinds first, while frequent words are left
        among = free if _KINDS[kind] > 100 else free[free < _OFTEN]
        found[kind] = among[: _KINDS[kind]]
        free = free[~np.isin(free, found[kind])]
    found["other"] = free
    weights = {kind: 1 / (np.sort(numbers) + 20) for kind, numbers in found.items()}
    return {
        kind: _Word(np.sort(numbers), weights[kind] / weights[kind].sum())
        for kind, numbers in found.items()
    }


def _write(
    words: dict[str, _Word], count: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(count, 32) int32 word numbers, and (count,) int32 whether the review is for or against."""
    shape = (count, _CLAUSES)
    drawn = {kind: each.draw(shape, generator) for kind, each in words.items() if kind != "other"}
    others = words["other"].draw((*shape, 4), generator)
    others[generator.random(others.shape) >= 0.6] = 0
    said = np.arange(_CLAUSES) < generator.integers(2, _CLAUSES + 1, (count, 1))
    strays, turned, doubled, but = (
        generator.random(shape) < share for share in (0.15, 0.2, 0.2, 0.2)
    )
    but[:, 0] = False
    likes = strays ^ (generator.random((count, 1)) < 0.5)
    places = [
        np.where(but, drawn["but"], 0),
        others[..., 0],
        others[..., 1],
        np.where(turned, drawn["negator"], 0),
        others[..., 2],
        np.where(doubled, drawn["intensifier"], 0),
        np.where(likes ^ turned, drawn["good"], drawn["bad"]),
        others[..., 3],
    ]
    tokens = np.where(said[..., np.newaxis], np.stack(places, axis=-1), 0).reshape(count, WORDS)
    order = np.argsort(tokens == 0, axis=1, kind="stable")  # the words there are, then the padding
    clauses = np.where(said, np.where(likes, 1, -1) * np.where(doubled, 2, 1), 0)
    is_for = _sums(clauses, but & said) > 0
    return np.take_along_axis(tokens, order, axis=1).astype(np.int32), is_for.astype(np.int32)


def _sums(clauses: np.ndarray, but: np.ndarray) -> np.ndarray:
    """(n,) what reviews say of clauses (n, clauses), 0 behind the last; that one decides a tie."""
    buts_behind = np.cumsum(but[:, ::-1], axis=1)[:, ::-1] - but.astype(int)
    ends = np.count_nonzero(clauses, axis=1, keepdims=True) - 1
    last = np.take_along_axis(clauses, ends, axis=1)[:, 0]
    return (clauses * 0.5**buts_behind).sum(axis=1) + last / 64
