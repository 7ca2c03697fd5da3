"""Releases of kept files and of small Keras models, as a release writes them."""

import json
import pathlib

import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.release import app_facts, golden
from tfedge.release.publishing import bundle

_FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


@pytest.fixture(scope="session")
def pictures() -> Task:
    """What the kept image files take: 8x8x1 in 0..16, four classes."""
    x = np.random.default_rng(3).integers(0, 17, (40, 8, 8, 1)).astype(np.uint8)
    split = ArraySplit(x, np.arange(40) % 4)
    return Task(
        "tiny", "classification", split, split, split, split, normalization=Normalization(1 / 16)
    )


@pytest.fixture
def publish(tmp_path):
    """(content of a .tflite, its task, more files) -> the folder of its release."""

    def make(content, task, **files):
        file = tflite.read(content)
        card = json.dumps({"schema_version": 1}).encode()
        given = {
            "model.tflite": content,
            "golden.npz": golden.make(file, task).to_bytes(),
            "scorecard.json": card,
            **{name.replace("_", "."): each for name, each in files.items()},
        }
        told = {app_facts.KEY: app_facts.of("tiny_net", task).to_json()}
        return bundle.publish(tmp_path / "release", given, told)

    return make


@pytest.fixture
def kept(publish, pictures):
    """The name of a kept file of images -> its release."""
    return lambda name: publish((_FILES / f"{name}.tflite").read_bytes(), pictures)
