import json
import pathlib

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import ArraySplit, Task
from tfedge.delivery import offering
from tfedge.device.file import tflite
from tfedge.release import app_facts
from tfedge.release.golden import vectors
from tfedge.release.publishing import bundle

FILE = pathlib.Path(__file__).parents[1] / "device" / "files" / "image_int8.tflite"


@pytest.fixture
def release(tmp_path):
    def write(outcome="PASS", **facts):
        content = FILE.read_bytes()
        shape = next(iter(tflite.read(content, "x").named_inputs.values())).shape
        x = np.random.default_rng(0).random((4, *shape[1:]), np.float32)
        split = ArraySplit(x, np.arange(4))
        task = Task("tiny", "classification", split, split, split, split)
        files = {
            "model.tflite": content,
            "verdict.json": json.dumps({"schema_version": 1, "outcome": outcome}).encode(),
        }
        told = {app_facts.KEY: app_facts.of("tiny_cnn", task).to_json()}
        return bundle.publish(tmp_path / "release", files, told | facts)

    return write


def test_a_release_gives_its_model_and_drawn_examples(release):
    found = offering.read(release(), "stable")
    assert (found.model, found.content) == ("tiny_cnn", FILE.read_bytes())
    golden = vectors.read(found.golden)
    assert (golden.source, golden.examples, golden.model_sha256) == ("synthetic", 2, found.sha256)
    assert offering.read(release(), "stable", "other").model == "other"


@pytest.mark.parametrize("outcome", ["FAIL", "INSUFFICIENT_DATA", None])
def test_what_did_not_pass_goes_to_test_channels_only(release, outcome):
    folder = release(outcome)
    for channel in ("stable", "beta"):
        with pytest.raises(errors.BadInput, match=f"verdict is {outcome}"):
            offering.read(folder, channel)
    assert offering.read(folder, "test-phones").content == FILE.read_bytes()


def test_a_rejected_candidate_is_no_release(release):
    with pytest.raises(errors.BadInput, match="only PASS"):
        offering.read(release(released=False), "stable")


def test_a_changed_release_is_refused(release):
    folder = release()
    (folder / "model.tflite").write_bytes(b"x")
    with pytest.raises(errors.BadInput, match="not as released"):
        offering.read(folder, "test")


def test_a_name_that_is_no_folder_is_refused(release):
    with pytest.raises(errors.BadInput, match="--model=a/b"):
        offering.read(release(), "stable", "a/b")
