import numpy as np
import pytest

from tfedge import errors
from tfedge.compress.training import batches
from tfedge.data.task import ArraySplit, Normalization, StreamSplit


def _numbered(n=10):
    return ArraySplit(np.arange(n, dtype=np.uint8)[:, None], np.arange(n))


def test_inputs_targets_and_answers_belong_to_the_same_example(make_task):
    task = make_task(train=_numbered(), normalization=Normalization(0.5))
    answers = (np.arange(10, dtype=np.float32)[:, None] * 100, np.arange(10))
    order = np.array([3, 1, 9, 0, 7, 2])
    found = list(batches.prefetched(task, order, 2, answers))
    assert [y.numpy().tolist() for _, y, *_ in found] == [[3, 1], [9, 0], [7, 2]]
    for x, y, taught, _ in found:
        np.testing.assert_array_equal(x[:, 0], y.numpy() * 0.5)
        np.testing.assert_array_equal(taught[0][:, 0], y.numpy() * 100)
        np.testing.assert_array_equal(taught[1], y)


def test_without_a_teacher_its_part_is_empty(make_task):
    _, _, taught, counts = next(batches.prefetched(make_task(train=_numbered()), np.arange(4), 4))
    assert taught == counts == ()


def test_how_much_examples_count_comes_with_them(make_task):
    task = make_task(train=_numbered(4), sample_weight=np.array([1.0, 2.0, 3.0, 2.0]))
    *_, (counts,) = next(batches.prefetched(task, np.array([3, 0]), 2))
    assert counts.numpy().tolist() == [1.0, 0.5]


def test_several_inputs_and_outputs_by_name(make_task):
    values = np.arange(4, dtype=np.float32)[:, None]
    split = ArraySplit({"a": values, "b": values + 1}, {"c": np.arange(4), "d": np.arange(4)})
    x, y, *_ = next(batches.prefetched(make_task(train=split), np.array([2, 0]), 2))
    assert x["b"].numpy().tolist() == [[3.0], [1.0]]
    assert y["d"].numpy().tolist() == [2, 0]


def test_what_a_split_refuses_arrives_as_it_is(make_task):
    def read(indices):
        if 7 in indices:
            raise errors.BadInput("file 7.png", "truncated", "Replace it.")
        return np.zeros((len(indices), 1), np.float32)

    task = make_task(train=StreamSplit(read, lambda: np.arange(10)))
    with pytest.raises(errors.BadInput, match=r"^file 7.png: truncated. Replace it.$"):
        list(batches.prefetched(task, np.arange(10), 2))
