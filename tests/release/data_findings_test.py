import dataclasses
import json

import numpy as np
import pytest

from tfedge.data import batch_split, hygiene, splits
from tfedge.data import task as data_task
from tfedge.release import data_findings


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
    assert found.near == 1
    assert (found.twins[0].number, found.twins[0].role, found.twins[0].twin) == (3, "train", 5)
    assert found.doubted == 1 and found.doubts_of == 60
    doubt = found.doubts[0]
    assert (doubt.number, doubt.label, doubt.looks_like) == (7, "bag", "shirt")
    shown = (doubt.picture, found.twins[0].picture, found.twins[0].twin_picture)
    assert all(picture.startswith("data:image/png") for picture in shown)
    assert {each.role for each in found.differences} == {"train", "calibration"}
    assert not any(each.matters for each in found.differences)
    assert json.loads(json.dumps(dataclasses.asdict(found)))


def test_users_data_can_be_left_out(task):
    found = data_findings.of(task, hygiene.examine(task), 0)
    assert found.near == 1 and found.doubted == 1
    assert not found.twins and not found.doubts


def test_what_is_not_looked_for_is_said(task, monkeypatch):
    findings = hygiene.examine(task)
    monkeypatch.setattr(data_findings, "MOST_BYTES", 100)
    large = data_findings.of(task, findings)
    assert large.doubted is None and "tools/check_data.py" in large.not_looked
    batches = [(task.train.x, task.train.y)]
    stream = batch_split.BatchSplit(lambda: batches, own_order=True)
    shuffled = dataclasses.replace(task, train=stream)
    found = data_findings.of(shuffled, hygiene.examine(shuffled))
    assert "order of their own" in found.not_looked


def test_measured_targets_have_no_labels():
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (400, 5)).astype(np.float32)
    parts = [splits.ArraySplit(rows[i::4], rows[i::4, :1]) for i in range(4)]
    task = data_task.Task("t", "regression", *parts)
    found = data_findings.of(task, hygiene.examine(task))
    assert found.doubted is None and "regression" in found.not_looked and not found.twins
