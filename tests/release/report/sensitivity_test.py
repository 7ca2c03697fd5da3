import dataclasses
import pathlib

import numpy as np
import pytest

from tfedge.data import splits
from tfedge.data import task as data_task
from tfedge.device.file import layer_weights, tflite
from tfedge.release.report import sensitivity

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
FLOAT, INT8 = ((FILES / f"image_{kind}.tflite").read_bytes() for kind in ("float", "int8"))


@pytest.fixture
def task():
    images = np.random.default_rng(0).uniform(0, 1, (40, 8, 8, 1)).astype(np.float32)
    split = splits.ArraySplit(images, np.arange(40) % 4)
    return data_task.Task("t", "classification", split, split, split)


def test_every_layer_alone_the_largest_first(task):
    found = sensitivity.of(FLOAT, INT8, task)
    assert {"conv", "depthwise"} <= set(found.shares) and not found.missing
    assert all(0 < share < 0.2 for share in found.shares.values())
    sizes = {
        layer_weights.short_name(layer.name): layer.stored_bytes
        for layer in layer_weights.read(tflite.read(FLOAT))
    }
    by_size = sorted(sizes, key=lambda each: -sizes[each])
    assert list(sizes) != by_size == list(found.shares)


def test_the_same_weights_move_nothing(task):
    assert set(sensitivity.of(FLOAT, FLOAT, task).shares.values()) == {0.0}


def test_only_the_weights_of_one_layer_are_exchanged():
    before, after = tflite.read(FLOAT), tflite.read(INT8)
    made = sensitivity._one_by_one(before, after)
    assert len(made) == len(list(before.kernels())) > 1
    for name, change in made.items():
        content = change.made(FLOAT)
        kernels = zip(before.kernels(), tflite.read(content).kernels(), strict=True)
        changed = [
            new.tensor.name
            for old, new in kernels
            if (old.tensor.values() != new.tensor.values()).any()
        ]
        assert len(content) == len(FLOAT) and len(changed) == 1 and name in changed[0]


def test_a_layer_without_one_says_why(task):
    names = set(sensitivity.of(FLOAT, INT8, task).shares)
    late, of_integers = (
        sensitivity.of(FLOAT, INT8, task, seconds=0.0),
        sensitivity.of(INT8, FLOAT, task),
    )
    assert not late.shares and late.missing == dict.fromkeys(names, "no time was left for it")
    why = "the baseline does not keep it in float32"
    assert not of_integers.shares and of_integers.missing == dict.fromkeys(names, why)


def test_data_that_does_not_fit_is_no_error_of_the_release(task, caplog):
    rows = splits.ArraySplit(np.zeros((40, 3), np.float32), np.arange(40) % 4)
    found = sensitivity.of(FLOAT, INT8, dataclasses.replace(task, validation=rows))
    assert not found.shares and set(found.missing.values()) == {"the baseline does not run alone"}
    assert "not known" in caplog.text
