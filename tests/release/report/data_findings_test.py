import dataclasses
import json

import numpy as np
import pytest

from tfedge.data import batch_split, hygiene, splits
from tfedge.data import task as data_task
from tfedge.data.hygiene import label_candidates
from tfedge.release.report import data_findings


@pytest.fixture
def task():
    """Two kinds of images; held-out 3 nearly is train 5, and held-out 7 has the wrong label."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (2, 12, 12, 1))

    def split(n):
        labels = np.arange(n) % 2
        images = np.clip(patterns[labels] // 2 + random.integers(0, 90, (n, 12, 12, 1)), 0, 255)
        return images.astype(np.uint8), labels

    train, held_out = split(120), split(60)
    held_out[0][3] = np.clip(train[0][5].astype(int) + 3, 0, 255)
    held_out[1][3] = train[1][5]
    held_out[1][7] = 0
    parts = [splits.ArraySplit(*each) for each in (train, split(110), split(60), held_out)]
    return data_task.Task("two", "classification", *parts, labels=("bag", "shirt"))


def test_twins_doubts_and_drift_are_found_and_shown(task):
    found = data_findings.of(task, hygiene.examine(task))
    twins, doubts = found.examples
    assert twins.title == "Held-out images that training nearly saw"
    assert twins.shown[0].lines == ("held-out no. 3", "train no. 5")
    assert doubts.title == "Held-out labels to look at"
    (doubt,) = doubts.shown
    assert (doubt.name, doubt.lines, doubt.note) == ("bag", ("looks like shirt",), "no. 7")
    pictures = (*doubt.pictures, *twins.shown[0].pictures)
    assert len(pictures) == 3
    assert all(picture.startswith("data:image/png") for picture in pictures)
    said = dict(found.looked_for)
    assert said["Near duplicates of training images"] == "1 of 60 held-out images"
    assert said["Doubtful labels"].startswith("1 of 60 held-out labels")
    assert said["Train against held-out"].startswith("no more than chance: ")
    assert "Calibration against held-out" in said
    assert json.loads(json.dumps(dataclasses.asdict(found)))


def test_the_worst_are_called_so_where_not_all_are_shown(task):
    held_out = task.holdout.x.copy()
    held_out[9] = task.train.x[9] + 2
    more = dataclasses.replace(task, holdout=splits.ArraySplit(held_out, task.holdout.y))
    found = data_findings.of(more, hygiene.examine(more), 1)
    assert found.examples[0].title == "Held-out images that training nearly saw, the likest 1"
    assert len(found.examples[0].shown) == 1


def test_users_data_can_be_left_out(task):
    found = data_findings.of(task, hygiene.examine(task), 0)
    assert not found.examples
    assert dict(found.looked_for)["Near duplicates of training images"].startswith("1 of 60")


def test_what_is_not_looked_for_is_said(task, monkeypatch):
    findings = hygiene.examine(task)
    monkeypatch.setattr(label_candidates, "MOST_BYTES", 100)
    large = dict(data_findings.of(task, findings).looked_for)
    assert "check-data" in large["Doubtful labels"]
    patient = hygiene.look_closely(task, hygiene.ROLES, is_patient=True)
    assert patient.of_checks["label_candidates"].total == 1
    batches = [(task.train.x, task.train.y)]
    stream = batch_split.BatchSplit(lambda: batches, own_order=True)
    shuffled = dataclasses.replace(task, train=stream)
    found = dict(data_findings.of(shuffled, hygiene.examine(shuffled)).looked_for)
    assert "order of their own" in found["Doubtful labels"]


def test_measured_targets_have_no_labels():
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (400, 5)).astype(np.float32)
    parts = [splits.ArraySplit(rows[i::4], rows[i::4, :1]) for i in range(4)]
    task = data_task.Task("t", "regression", *parts)
    found = data_findings.of(task, hygiene.examine(task))
    assert "regression" in dict(found.looked_for)["Doubtful labels"] and not found.examples
