import numpy as np
import pytest

from tfedge import errors
from tfedge.data import splits

X = np.arange(10, dtype=np.uint8).reshape(5, 2)
Y = np.arange(5)


def _stream():
    return splits.StreamSplit(lambda indices: X[indices], lambda: Y)


@pytest.mark.parametrize("split", [splits.ArraySplit(X, Y), _stream()])
def test_batches_in_natural_order_end_with_a_short_one(split):
    batches = list(split.batches(2))
    assert [y.tolist() for _, y in batches] == [[0, 1], [2, 3], [4]]
    assert batches[2][0].tolist() == [[8, 9]]


@pytest.mark.parametrize("split", [splits.ArraySplit(X, Y), _stream()])
def test_batches_follow_an_order(split):
    x, y = next(split.batches(3, np.array([4, 0, 4])))
    assert y.tolist() == [4, 0, 4]
    assert x[:, 0].tolist() == [8, 0, 8]


@pytest.mark.parametrize("split", [splits.ArraySplit(X, Y), _stream()])
def test_take_keeps_the_order_asked_for(split):
    assert len(split) == 5
    assert split.take([3, 1]).y.tolist() == [3, 1]


def test_dicts_are_cut_name_by_name():
    split = splits.ArraySplit({"a": X, "b": X + 1}, {"out": Y})
    x, y = next(split.batches(2, np.array([1])))
    assert x["b"].tolist() == [[3, 4]]
    assert y["out"].tolist() == [1]


def test_stream_loads_targets_once():
    calls = []
    split = splits.StreamSplit(lambda indices: X[indices], lambda: calls.append(1) or Y)
    assert (len(split), split.targets().tolist(), calls) == (5, [0, 1, 2, 3, 4], [1])


def test_different_lengths_are_refused_with_counts():
    with pytest.raises(errors.BadInput, match="x has 5, y has 4 examples"):
        splits.ArraySplit(X, Y[:4])


def test_lists_become_arrays():
    assert splits.ArraySplit([[1, 2]], [3]).take([0]).x.shape == (1, 2)
