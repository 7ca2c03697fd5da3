"""The reviews follow their grammar: read with the words' kinds, each says what its label says."""

import numpy as np
import pytest

from tfedge.data import hygiene
from tfedge.data.sources import load_task, reviews


@pytest.fixture(scope="module")
def task():
    return load_task("reviews")


def _read(words, kinds):
    """The sum of a review, and of its last clause."""
    clauses, sign, factor = [], 1, 1
    for word in words[words > 0].tolist():
        kind = kinds.get(word)
        if kind == "but":
            clauses = [clause / 2 for clause in clauses]
        sign = -sign if kind == "negator" else sign
        factor = 2 if kind == "intensifier" else factor
        if kind in ("good", "bad"):
            clauses.append(sign * factor * (1 if kind == "good" else -1))
            sign = factor = 1
    return sum(clauses), clauses[-1]


def test_each_says_what_its_label_says(task):
    kinds = {w: kind for kind, each in reviews._words().items() for w in each.numbers.tolist()}
    for words, label in zip(task.holdout.x[:500], task.holdout.y[:500], strict=True):
        total, last = _read(words, kinds)
        assert (total or last) * (1 if label else -1) > 0


def test_words_are_numbers_with_padding_behind(task):
    assert [len(split) for split in task.splits().values()] == [60_000, 500, 3_000, 10_000]
    x = task.holdout.x
    assert (x.dtype, x.shape[1], x.max() < reviews.VOCABULARY) == (np.int32, 32, True)
    ends = (x > 0).sum(axis=1)
    assert ((x > 0) == (np.arange(32) < ends[:, None])).all() and ends.min() >= 2
    assert 0.48 < task.holdout.y.mean() < 0.52
    assert len(np.unique(x, axis=0)) == len(x)


def test_held_out_reviews_are_those_of_every_seed_and_new(task):
    other = load_task("reviews", seed=5)
    np.testing.assert_array_equal(task.holdout.x, other.holdout.x)
    assert (task.calibration.x != other.calibration.x).any()
    assert not hygiene.check(task)
