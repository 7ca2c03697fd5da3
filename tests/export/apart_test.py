"""A stranger's SavedModel is exported in a child: the same file, words and refusals."""

import numpy as np
import pytest

from tfedge import export
from tfedge.compress import loading
from tfedge.compress.loading import saved_model_safety
from tfedge.data.task import ArraySplit, Task
from tfedge.errors import BadInput
from tfedge.export import apart, exporting, options


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model with spaces"
    model.export(str(path))
    return path


@pytest.mark.parametrize("text", ["int8", 'int8(precision="auto", labels=True)'])
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
    (said,) = caplog.messages  # nothing of what TensorFlow tells of its files
    assert "kernels of fewer than 1024 weights stay float" in said


def test_a_folder_that_crashes_its_child_is_refused(folder, task, monkeypatch):
    """Where the first line fails, the second holds: this process goes on."""
    monkeypatch.setattr(apart, "_MEMORY_BYTES", 1)
    monkeypatch.setattr(saved_model_safety, "check", lambda folder: None)
    with pytest.raises(BadInput, match=r"its export ended in a child \(memory\)"):
        export.to_tflite(loading.SavedModel(folder), "float32", task)
