import numpy as np
import pytest

from tfedge.compress.ranges import column_statistics
from tfedge.data.task import ArraySplit, Task

ROWS = np.random.default_rng(0).normal(1e6, 1, (40, 3, 2)) * [1, 5]


def _seen(*parts):
    seen = column_statistics.Seen()
    for part in parts:
        seen.add(part)
    return seen


def test_parts_give_what_all_rows_at_once_would():
    seen = _seen(ROWS[:1], ROWS[1:7], ROWS[7:])
    assert seen.count == 40
    np.testing.assert_allclose(seen.mean, ROWS.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(seen.variance, ROWS.var(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(seen.low, ROWS.min(axis=0))
    np.testing.assert_array_equal(seen.high, ROWS.max(axis=0))


def test_columns_are_those_of_the_last_axis():
    columns, flat = _seen(ROWS).columns(), ROWS.reshape(-1, 2)
    np.testing.assert_allclose(columns.mean, flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(columns.variance, flat.var(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(columns.low, flat.min(axis=0))
    np.testing.assert_array_equal(columns.high, flat.max(axis=0))
    assert columns.spread.dtype == np.float32


def test_a_column_that_did_not_vary_keeps_its_steps():
    columns = _seen(np.array([[0.0, 7.0, 1.0], [2.0, 7.0, 5.0]])).columns()
    assert columns.spread.tolist() == [1, 0, 2] and columns.deviation.tolist() == [1, 2, 2]


def test_the_share_of_elements_that_one_scale_loses():
    random = np.random.default_rng(1).normal(size=(50, 4))
    assert _seen(random * [1, 1, 1, 1000]).lost() == 0.75
    assert _seen(random).lost() == 0
    assert _seen(random * [1, 1, 1, 1000]).columns().lost == (0, 1, 2)
    assert column_statistics.Seen().lost() == 0 and _seen(random[:, :0]).lost() == 0
    assert _seen(random[:, :1] * 0).lost() == 0


@pytest.mark.parametrize(("largest", "uneven"), [(1000, True), (1, False)])
def test_a_task_of_uneven_inputs(largest, uneven):
    x = np.random.default_rng(1).normal(size=(50, 2)) * [1, largest]
    split = ArraySplit(x.astype(np.float32), np.arange(50) % 2)
    task = Task("t", "classification", split, split, split)
    assert column_statistics.are_uneven(task) is uneven
    assert not column_statistics.are_uneven(None)
