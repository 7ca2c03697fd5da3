"""What takes seconds says so wherever it is called from, not only in a pipeline."""

import numpy as np
import pytest

import tfedge
from tfedge import progress
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task


@pytest.fixture
def said(monkeypatch):
    found = []
    monkeypatch.setattr(progress.logging, "info", lambda text, *values: found.append(text % values))
    return found


def test_an_export_and_an_evaluation(said):
    x = k.tf_keras.layers.Input((3,), name="x")
    model = k.tf_keras.Model(x, k.tf_keras.layers.Dense(1)(x))
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    split = ArraySplit(rows, np.asarray(model(rows)))
    task = Task("line", "regression", split, split, split, split)
    content = tfedge.to_tflite(model, "float16", task)
    assert "exporting as float16" in said
    said.clear()
    tfedge.evaluate(content, task)
    assert said == ["evaluating on 40 examples"]
