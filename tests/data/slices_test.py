import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import slices
from tfedge.data.sources import load_task
from tfedge.data.task import ArraySplit, Task

SPLIT = ArraySplit(np.arange(6, dtype=np.float32).reshape(6, 1), np.array([0, 1, 0, 1, 0, 1]))
TASK = Task("six", "classification", SPLIT, SPLIT, SPLIT, SPLIT)


def _with(**columns):
    return dataclasses.replace(TASK, slices=columns)


def _found(task):
    return slices.of_split(task.holdout, task.slices, f"task {task.name}")


def test_a_column_and_a_function_name_the_group_of_each_example():
    task = _with(side=np.array(list("lrlrlr")), big=lambda x, y: np.where(x[:, 0] > 3, "yes", "no"))
    found = _found(task)
    assert found["side"].tolist() == list("lrlrlr")
    assert found["big"].tolist() == ["no", "no", "no", "no", "yes", "yes"]


def test_right_answers_are_counted_group_by_group():
    before, after = np.array([1, 1, 0, 1, 1, 0], bool), np.array([1, 0, 0, 1, 1, 1], bool)
    found = slices.pairs({"side": np.array(list("llrrrr"))}, before, after)
    assert set(found) == {"side: l", "side: r"}
    assert [each.tolist() for each in found["side: l"]] == [[True, True], [True, False]]


@pytest.mark.parametrize(
    ("column", "cause"),
    [
        (np.zeros(5), "shape"),
        (lambda x, y: x["no"], "function fails"),
        (lambda x, y: y[:1], "shape"),
        (lambda x, y: len(y) / 0, "ZeroDivisionError"),
    ],
)
def test_columns_that_do_not_fit_are_refused(column, cause):
    with pytest.raises(errors.BadInput, match=cause):
        _found(_with(side=column))


def test_too_many_groups_are_refused():
    many = ArraySplit(np.zeros((60, 1), np.float32), np.arange(60) % 2)
    task = dataclasses.replace(TASK, holdout=many, slices={"id": np.arange(60)})
    with pytest.raises(errors.BadInput, match="60 groups"):
        _found(task)


def test_an_npz_file_brings_its_own(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
    path = tmp_path / "data.npz"
    camera = np.array(["front", "back"] * 5)
    np.savez(path, x_train=x, y_train=y, x_test=x[:10] + 1, y_test=y[:10], slice_camera=camera)
    found = _found(load_task(f"npz:{path}"))
    assert found["camera"].tolist() == camera.tolist()
