"""A stranger's SavedModel is exported in a child: the same file, words and refusals."""

import dataclasses
import json

import numpy as np
import pytest

from tfedge import export
from tfedge.compress import loading
from tfedge.compress.loading import saved_model_safety
from tfedge.data import metrics
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.errors import BadInput
from tfedge.export import apart, exporting, options


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model with spaces"
    model.export(str(path))
    return path


@pytest.mark.parametrize("text", ["int8", 'int8(precision="auto", metadata=True)'])
def test_the_file_is_the_one_that_this_process_would_make(folder, task, text, monkeypatch):
    source, chosen = loading.SavedModel(folder), options.Export.parse(text)
    here = exporting.to_tflite(source, chosen, task)
    monkeypatch.setattr(exporting, "to_tflite", lambda *_, **__: pytest.fail("opened here"))
    assert export.to_tflite(source, text, task) == here


def test_what_it_says_and_refuses_comes_through(folder, caplog):
    x = {"image": np.zeros((4, 6, 6, 1), np.float32)}
    split = ArraySplit(x, {"a": np.zeros(4, np.float32)})
    task = Task("few", "regression", split, split, split)
    with pytest.raises(BadInput, match=r"constant|same value|calibration"):
        export.to_tflite(loading.SavedModel(folder), "int8", task)
    caplog.clear()
    with caplog.at_level("INFO", "absl"):
        export.to_tflite(loading.SavedModel(folder), "dynamic", None)
    # Nothing of what TensorFlow tells of its files; a slow computer says how long it takes.
    first, said = (each for each in caplog.messages if not each.endswith("so far"))
    assert first == "exporting as dynamic"
    assert "kernels of fewer than 1024 weights stay float" in said


def test_a_folder_that_crashes_its_child_is_refused(folder, task, monkeypatch):
    """Where the first line fails, the second holds: this process goes on."""
    monkeypatch.setattr(apart, "_MEMORY_BYTES", 1)
    monkeypatch.setattr(saved_model_safety, "check", lambda folder: None)
    with pytest.raises(BadInput, match=r"its export ended in a child \(memory\)"):
        export.to_tflite(loading.SavedModel(folder), "float32", task)


def _own(outputs, y):
    return 0.0


@pytest.mark.parametrize("metric", ["macro_f1", None, metrics.Metric("own", True, _own)])
def test_a_task_arrives_as_it_was(tmp_path, metric):
    """Several inputs and outputs; the validation split only where precision is chosen by it."""
    x = {name: np.full((n, 2), n, np.float32) for n, name in ((3, "a"), (3, "b"))}
    few = ArraySplit(x, np.arange(3) % 2)
    task = Task(
        "named", "classification", few, few, ArraySplit(x, np.ones(3, int)),
        labels=("no", "yes"), seed=7, metric=metric, normalization=Normalization((0.5, 2.0), -1.0),
    )  # fmt: skip
    told = json.loads(json.dumps(apart._written(task, options.Export.parse("int8"), tmp_path)))
    found = apart._read(told, tmp_path)
    assert (found.name, found.kind, found.labels, found.seed) == (
        "named", "classification", ("no", "yes"), 7,
    )  # fmt: skip
    assert found.metric == (metric if isinstance(metric, str) else None)
    assert found.normalization == task.normalization
    assert found.calibration.x.keys() == x.keys()
    np.testing.assert_array_equal(found.calibration.x["b"], x["b"])
    np.testing.assert_array_equal(found.calibration.targets(), [0, 1, 0])
    assert found.train is found.validation is found.calibration


def test_where_precision_is_chosen_validation_comes_along(tmp_path):
    few = ArraySplit(np.zeros((3, 2), np.float32), np.zeros(3, int))
    others = ArraySplit(np.ones((5, 2), np.float32), np.ones(5, int))
    task = Task("t", "classification", few, few, others)
    chosen = options.Export.parse('int8(precision="auto")')
    found = apart._read(apart._written(task, chosen, tmp_path), tmp_path)
    assert len(found.calibration) == 3
    np.testing.assert_array_equal(found.validation.x, others.x)
    np.testing.assert_array_equal(found.validation.targets(), others.y)
    own = dataclasses.replace(task, metric=metrics.Metric("own", True, _own))
    with pytest.raises(BadInput, match="does not know a metric of your own"):
        apart._written(own, chosen, tmp_path)
