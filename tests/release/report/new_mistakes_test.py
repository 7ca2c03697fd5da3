import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from tfedge.data import task as data_task
from tfedge.device import scorecard
from tfedge.release.report import thumbnails
from tfedge.release.report.sections import new_mistakes

CLASSES = tuple(scorecard.ClassValue(name, 2, 0.5) for name in ("bag", "<script>", "shoe"))
TARGETS = np.array([0, 0, 1, 1, 2, 2])
BEFORE = np.eye(3)[[0, 0, 1, 1, 2, 0]]
NOW = np.array(
    [[0.9, 0.1, 0], [0.3, 0.7, 0], [0.4, 0.35, 0.25], [0, 1, 0], [0, 0.99, 0.01], [0, 0, 1.0]]
)


def task(x):
    split = data_task.ArraySplit(x, TARGETS)
    return data_task.Task("t", "classification", split, split, split, split)


@pytest.fixture
def scores(card):
    return card(per_class=CLASSES, targets=TARGETS, candidate_outputs=NOW, baseline_outputs=BEFORE)


def test_the_surest_first(scores):
    found = new_mistakes.worst(scores, task(np.zeros((6, 5))), 12)
    assert (found.total, found.mended) == (3, 1)
    assert [(each.number, each.truth, each.said) for each in found.shown] == [
        (4, "shoe", "<script>"),
        (1, "bag", "<script>"),
        (2, "<script>", "bag"),
    ]
    assert found.shown[0].confidence == pytest.approx(0.99)
    assert not any(each.picture for each in found.shown)


def test_logits_become_probabilities(scores):
    logits = np.log(np.maximum(NOW, 1e-9)) + 5
    changed = dataclasses.replace(scores, candidate_outputs=logits)
    found = new_mistakes.worst(changed, task(np.zeros((6, 5))), 1)
    assert found.shown[0].confidence == pytest.approx(0.99)


def test_an_output_that_is_no_number_is_no_answer(scores):
    broken = np.where(np.arange(6)[:, None] == 4, np.nan, NOW)
    found = new_mistakes.worst(
        dataclasses.replace(scores, candidate_outputs=broken), task(np.zeros((6, 5))), 12
    )
    last = found.shown[-1]
    assert (last.number, last.said, last.confidence) == (4, new_mistakes.NO_NUMBER, 0)
    assert found.shown[0].confidence == pytest.approx(0.7)


def test_zero_leaves_users_data_out(scores):
    found = new_mistakes.worst(scores, task(np.zeros((6, 8, 8, 1))), 0)
    assert found.total == 3 and found.shown == ()


def test_pictures_are_small_png(scores):
    images = np.random.default_rng(0).integers(0, 256, (6, 200, 100, 3)).astype(np.uint8)
    found = new_mistakes.worst(scores, task(images), 2)
    for each in found.shown:
        head, _, content = each.picture.partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (48, 96)


def test_a_page_stays_small(scores, monkeypatch):
    monkeypatch.setattr(new_mistakes, "_MOST_BYTES", 300)
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    shown = new_mistakes.worst(scores, task(images), 12).shown
    assert shown[0].picture and not shown[-1].picture


def test_without_a_baseline_no_mistake_is_new(scores):
    alone = dataclasses.replace(scores, baseline_outputs=None, baseline_correct=None)
    assert new_mistakes.worst(alone, task(np.zeros((6, 5))), 12) is None


@pytest.mark.parametrize("shape", [(2, 9), (2, 128, 6), (2, 8, 8, 5), (2, 3, 3, 1)])
def test_what_is_no_picture_is_not_shown(shape):
    assert thumbnails.data_uris(np.ones(shape, np.float32)) == ()


def test_numbers_are_stretched_to_what_can_be_seen():
    uri = thumbnails.data_uris(np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1) - 3)[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert pixels.min() == 0 and pixels.max() == 255 and pixels.shape == (4, 4)
