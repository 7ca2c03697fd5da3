import numpy as np
import pytest

from tfedge import errors
from tfedge.data import batch_split


def _batches(sizes=(3, 1, 3)):
    start = 0
    for size in sizes:
        rows = np.arange(start, start + size)
        yield {"a": rows[:, np.newaxis].astype(np.float32)}, rows
        start += size


def test_batches_have_the_size_asked_for():
    split = batch_split.BatchSplit(_batches)
    assert [y.tolist() for _, y in split.batches(2)] == [[0, 1], [2, 3], [4, 5], [6]]
    assert [y.tolist() for _, y in split.batches(5)] == [[0, 1, 2, 3, 4], [5, 6]]
    assert len(split) == 7


def test_another_order_is_read_from_disk():
    split = batch_split.BatchSplit(_batches)
    x, y = next(split.batches(3, np.array([6, 0, 3])))
    assert y.tolist() == [6, 0, 3]
    assert x["a"].ravel().tolist() == [6, 0, 3]
    assert split.take([2, 1]).y.tolist() == [2, 1]


def test_own_order_answers_a_shuffle_by_one_pass_and_refuses_single_examples():
    split = batch_split.BatchSplit(_batches, own_order=True)
    _, y = next(split.batches(7, np.arange(7)[::-1]))
    assert y.tolist() == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(errors.BadInput, match="single examples"):
        split.take([1])


def test_sample_weights_are_refused():
    split = batch_split.BatchSplit(lambda: [(np.ones(1), np.ones(1), np.ones(1))])
    with pytest.raises(errors.BadInput, match="got tuple of 3"):
        next(split.batches(1))


def test_changing_shapes_are_refused():
    split = batch_split.BatchSplit(lambda: [(np.ones((1, s)), np.ones(1)) for s in (2, 3)])
    with pytest.raises(errors.BadInput, match=r"\(2,\) float64 is followed by \(3,\)"):
        split.take([0])


def test_an_empty_stream_is_refused():
    with pytest.raises(errors.BadInput, match="empty"):
        len(batch_split.BatchSplit(list))


def test_tensors_become_arrays():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensor_slices((np.eye(3, dtype=np.float32), [0, 1, 2])).batch(2)
    taken = batch_split.BatchSplit(lambda: data).take([2])
    assert (taken.x.tolist(), taken.y.tolist()) == ([[0, 0, 1]], [2])
