import numpy as np
import pytest

from tfedge.data import metrics
from tfedge.data.matching import output_kind
from tfedge.data.task import ArraySplit, Task

X = np.zeros((6, 3), np.float32)
YES_NO, CLASSES, FLOATS = [0, 1, 1, 0, 1, 0], [0, 1, 2, 0, 1, 2], [0.5, 1.0, 2.0, 0.0, 1.0, 2.0]


def _task(kind, y, **fields):
    y = y if isinstance(y, dict) else np.asarray(y)
    split = ArraySplit(X, y)
    return Task("toy", kind, split, split, split, split, **fields)


@pytest.mark.parametrize(
    ("kind", "y", "shape", "decided"),
    [
        ("binary", YES_NO, (None, 2), "classification"),
        ("binary", YES_NO, (None, 1), "binary"),
        ("binary", YES_NO, (1,), "binary"),
        ("binary", YES_NO, (None, 3), "binary"),  # refused later: a class is missing
        ("classification", YES_NO, (1, 1), "binary"),
        ("classification", YES_NO, (None, 2), "classification"),
        ("classification", CLASSES, (None, 3), "classification"),
        ("classification", CLASSES, (None, 1), "regression"),
        ("regression", np.float32(CLASSES), (None, 3), "classification"),
        ("regression", np.float32(CLASSES), (None, 2), "regression"),
        ("regression", np.float32(CLASSES) - 1, (None, 3), "regression"),
        ("regression", FLOATS, (None, 3), "regression"),
        ("regression", np.zeros((6, 3)), (None, 3), "regression"),
        ("multilabel", np.eye(6, 2, dtype=int), (None, 2), "multilabel"),
    ],
)
def test_the_models_output_decides_what_targets_are(kind, y, shape, decided):
    found = output_kind.of_outputs(_task(kind, y), {"out": shape})
    assert found.kind == decided
    wanted = np.float32 if decided == "regression" else np.integer
    assert np.issubdtype(found.holdout.targets().dtype, wanted)
    np.testing.assert_array_equal(found.train.targets(), y)
    metrics.resolve(found)


def test_what_fits_is_the_same_task_and_names_stay():
    task = _task("binary", YES_NO, labels=("cat", "dog"), metric="auc")
    assert output_kind.of_outputs(task, {"out": (None, 1)}) is task
    found = output_kind.of_outputs(task, {"out": (None, 2)})
    assert (found.labels, found.metric, found.num_classes) == (("cat", "dog"), "auc", 2)


def test_several_outputs_are_decided_by_name_and_together():
    task = _task("binary", {"a": np.array(YES_NO), "b": np.array(YES_NO[::-1])})
    shapes = {"b": (None, 2), "a": (None, 2)}
    assert output_kind.of_outputs(task, shapes).kind == "classification"
    assert output_kind.of_outputs(task, {**shapes, "a": (None, 1)}) is task
    assert output_kind.of_outputs(task, {"x": (None, 2), "y": (None, 2)}).kind == "classification"
    assert output_kind.of_outputs(task, {"a": (None, 2)}) is task


def test_it_is_said(caplog):
    with caplog.at_level("INFO", logger="absl"):
        output_kind.of_outputs(_task("binary", YES_NO), {"out": (None, 2)})
    assert (
        "puts out 2 values: the targets are taken as classification, not as binary" in caplog.text
    )


def test_rows_are_classes_step_by_step_where_the_model_has_classes_for_each():
    rows = [[0, 1, 1], [0, 0, 0], [1, 0, 1]] * 2
    task = _task("multilabel", rows)
    assert output_kind.of_outputs(task, {"out": (None, 3)}) is task
    assert output_kind.of_outputs(task, {"out": (None, 3, 2)}).kind == "segmentation"
    assert output_kind.of_outputs(task, {"out": (None, None, 1)}).kind == "segmentation"


def test_rows_of_whole_numbers_are_values_where_the_model_gives_as_many():
    rows = [[0, 5, 7], [2, 1, 4]] * 3
    task = _task("segmentation", rows)
    assert output_kind.of_outputs(task, {"out": (None, 3)}).kind == "regression"
    assert output_kind.of_outputs(task, {"out": (None, 3, 8)}) is task
