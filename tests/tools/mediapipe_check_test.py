"""What is made of MediaPipe's answers; the check itself runs in CI where MediaPipe can be had."""

import pathlib

import numpy as np
import pytest
from tfedge_tools.benchmarks import mediapipe_check
from tfedge_tools.benchmarks.mediapipe import environment

from tfedge import errors
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite

_CONTENT = (
    pathlib.Path(__file__).parents[1] / "device" / "files" / "image_uint8_raw.tflite"
).read_bytes()


def test_a_class_and_a_name_are_counted_each_for_itself():
    x = np.random.default_rng(3).integers(0, 17, (4, 8, 8, 1)).astype(np.uint8)
    split = ArraySplit(x, np.arange(4) % 4)
    labels = ("a", "b", "c", "d")
    task = Task(
        *("tiny", "classification", split, split, split, split),
        labels=labels,
        normalization=Normalization(1 / 16),
    )
    limits = sandbox.Limits(2**32, 1)
    ran = inference.run(tflite.read(_CONTENT), split, task.normalization, limits, timed_seconds=0)
    best = next(iter(ran.outputs.values())).argmax(axis=1)
    said = [(int(index), labels[index]) for index in best]
    found = mediapipe_check.compare("int8", _CONTENT, task, said)
    assert found.agrees and found.same == found.named == 4
    assert found.right == int((best == split.y).sum())
    worst = int(next(iter(ran.outputs.values()))[0].argmin())
    other = mediapipe_check.compare("int8", _CONTENT, task, [(worst, labels[worst]), *said[1:]])
    assert (other.same, other.named, other.agrees) == (3, 4, False)
    unnamed = mediapipe_check.compare("int8", _CONTENT, task, [(said[0][0], None), *said[1:]])
    assert (unnamed.same, unnamed.named, unnamed.agrees) == (4, 3, False)


def test_a_crash_is_one_line(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho the last word >&2\nexit 139\n")
    python.chmod(0o755)
    with pytest.raises(errors.BadInput, match="ended with 139: the last word"):
        environment.classified(python, _CONTENT, np.zeros((1, 8, 8, 3), np.uint8))
