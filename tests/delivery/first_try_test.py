"""A released model is tried in a process of its own; another answer and a crash are seen."""

import dataclasses
import pathlib

import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Normalization
from tfedge.delivery.fetch import probing, reasons
from tfedge.device.file import tflite
from tfedge.release import golden

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


@pytest.fixture(scope="module", name="made")
def made_examples():
    """A file of int8 and its examples."""
    content = (FILES / "image_int8.tflite").read_bytes()
    x = np.random.default_rng(3).integers(0, 17, (3, 8, 8, 1)).astype(np.uint8)
    split = ArraySplit(x, np.zeros(3, int))
    return content, golden.of(tflite.read(content), split, Normalization(1 / 16), "synthetic")


def test_a_model_that_answers_as_its_release_is_taken(made):
    content, examples = made
    probing.run(content, examples.to_bytes())


def test_another_answer_is_seen(made):
    content, examples = made
    name, codes = next(iter(examples.outputs.items()))
    tolerance = int(examples.tolerances[name])
    far = codes.astype(np.int64)
    far[2, 0] += tolerance + 1 if far[2, 0] < 0 else -tolerance - 1
    other = dataclasses.replace(examples, outputs={name: far.astype(codes.dtype)})
    with pytest.raises(reasons.Refused, match=f"is {tolerance + 1} from the release's") as refused:
        probing.run(content, other.to_bytes())
    assert refused.value.reason == reasons.PROBE


def test_what_no_interpreter_takes_ends_only_the_child(made):
    content, examples = made
    with pytest.raises(reasons.Refused):
        probing.run(content[:200] + bytes(len(content) - 200), examples.to_bytes())
