import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import task


def _task(y, kind="classification", **settings):
    split = task.ArraySplit(np.zeros((len(y), 2), np.uint8), np.asarray(y))
    return task.Task("toy", kind, split, split, split, split, **settings)


def test_one_hot_becomes_integers_and_its_width_the_classes():
    made = _task([[0, 1, 0], [1, 0, 0]])
    assert made.train.targets().tolist() == [1, 0]
    assert made.num_classes == 3


def test_one_column_is_squeezed():
    assert _task([[2], [0]]).holdout.targets().tolist() == [2, 0]
    assert _task([[1], [0]], "binary").train.targets().tolist() == [1, 0]


def test_without_holdout_closes_the_fence():
    made = _task([0, 1])
    assert made.without_holdout().holdout is None
    assert "holdout" not in made.without_holdout().splits()
    assert made.holdout is not None


@pytest.mark.parametrize(
    ("kind", "y", "expected"),
    [
        ("classification", [0, 2], 3),
        ("binary", [0, 1], 2),
        ("multilabel", [[1, 0, 1, 1]], 4),
        ("regression", [0.5], 0),
        ("segmentation", [[[0, 4]]], 5),
    ],
)
def test_num_classes(kind, y, expected):
    assert _task(y, kind).num_classes == expected


def test_fractions_are_no_classes():
    with pytest.raises(errors.BadInput, match=r"index 1 is 1\.5"):
        _task([0.0, 1.5])


def test_targets_of_the_wrong_rank_are_refused():
    with pytest.raises(errors.BadInput, match=r"got \(1, 2\)"):
        _task([[3, 4]])


def test_unknown_kind_is_refused():
    with pytest.raises(errors.BadInput, match="'regresion' is none of"):
        _task([0], "regresion")


def test_arrays_instead_of_splits_are_refused():
    with pytest.raises(errors.BadInput, match="a Split was expected, got ndarray"):
        task.Task("toy", "binary", np.ones(2), np.ones(2), np.ones(2))


def test_normalization_scales_bytes_and_leaves_ids():
    half = task.Normalization(0.5, -1)
    assert half(np.array([2, 4], np.uint8)).tolist() == [0, 1]
    assert half(np.array([2], np.uint8)).dtype == np.float32
    ids = np.array([7, 8], np.int32)
    assert task.Normalization()(ids) is ids
    assert task.Normalization()({"a": np.array([3], np.uint8)})["a"].dtype == np.float32


def test_normalization_per_channel():
    channels = task.Normalization((1, 10), (0, 1))
    assert channels(np.array([[2, 3]], np.uint8)).tolist() == [[2, 31]]
    assert not channels.is_identity
    assert task.Normalization((1, 1)).is_identity


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_seed_that_numpy_or_keras_cannot_take_is_refused(seed):
    with pytest.raises(errors.BadInput, match="--seed: expected a whole number"):
        _task([0, 1], seed=seed)


def test_what_a_task_is_without_being_told():
    made = _task([0, 1])
    assert (made.batch_size, made.seed, made.augment, made.metric) == (128, 0, "", None)
    assert (made.normalization.scale, made.normalization.offset) == (1.0, 0.0)
    assert not made.holdout_drawn and not made.is_scale_given and made.trained_on == ""
    assert dataclasses.replace(made, batch_size=1).batch_size == 1
    with pytest.raises(errors.BadInput, match="batch_size is 0"):
        dataclasses.replace(made, batch_size=0)
    made = dataclasses.replace(made, metric="macro_f1, auc", more_metrics=("accuracy",))
    assert (made.metric, made.more_metrics) == ("macro_f1", ("auc", "accuracy"))
