import numpy as np
import pytest

from tfedge import errors
from tfedge.data import sequences


def test_shorter_ones_are_filled_behind_their_ends():
    found = sequences.padded([[5, 6], (7,), np.array([1, 2, 3])], padding=9)
    assert found.dtype == np.int32
    assert found.tolist() == [[5, 6, 9], [7, 9, 9], [1, 2, 3]]
    assert sequences.padded([[5]], steps=4).tolist() == [[5, 0, 0, 0]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([[1], [1, 2, 3, 4]], "index 1: expected 1 to 3 tokens, got 4"),
        ([[]], "index 0: expected 1 to 3 tokens, got 0"),
        ([[1], [0.5]], r"index 1: expected whole numbers, got \(1,\) float64"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_index(given, words):
    with pytest.raises(errors.BadInput, match=words):
        sequences.padded(given, steps=3)
