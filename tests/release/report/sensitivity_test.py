import dataclasses
import pathlib

import numpy as np
import pytest

from tfedge.data import splits
from tfedge.data import task as data_task
from tfedge.device.file import tflite
from tfedge.release.report import sensitivity

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
FLOAT, INT8 = ((FILES / f"image_{kind}.tflite").read_bytes() for kind in ("float", "int8"))


@pytest.fixture
def task():
    images = np.random.default_rng(0).uniform(0, 1, (40, 8, 8, 1)).astype(np.float32)
    split = splits.ArraySplit(images, np.arange(40) % 4)
    return data_task.Task("t", "classification", split, split, split)


def test_every_layer_alone(task):
    found = sensitivity.of(FLOAT, INT8, task)
    assert {"conv", "depthwise"} <= set(found)
    assert all(0 < share < 0.2 for share in found.values())


def test_the_same_weights_move_nothing(task):
    assert set(sensitivity.of(FLOAT, FLOAT, task).values()) == {0.0}


def test_only_the_weights_of_one_layer_are_exchanged():
    before, after = tflite.read(FLOAT), tflite.read(INT8)
    made = dict(sensitivity._one_by_one(before, after))
    assert len(made) == len(list(before.kernels())) > 1
    for name, content in made.items():
        kernels = zip(before.kernels(), tflite.read(content).kernels(), strict=True)
        changed = [
            new.tensor.name
            for old, new in kernels
            if (old.tensor.values() != new.tensor.values()).any()
        ]
        assert len(content) == len(FLOAT) and len(changed) == 1 and name in changed[0]


def test_a_baseline_of_integers_has_none_and_time_is_kept(task):
    assert sensitivity.of(INT8, FLOAT, task) == {}
    assert sensitivity.of(FLOAT, INT8, task, seconds=0.0) == {}


def test_data_that_does_not_fit_is_no_error_of_the_release(task, caplog):
    rows = splits.ArraySplit(np.zeros((40, 3), np.float32), np.arange(40) % 4)
    assert sensitivity.of(FLOAT, INT8, dataclasses.replace(task, validation=rows)) == {}
    assert "not known" in caplog.text
