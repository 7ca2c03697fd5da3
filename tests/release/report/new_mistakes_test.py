import base64
import io
import types

import numpy as np
import pytest
from PIL import Image

from tfedge.data import task as data_task
from tfedge.release.report import answers, masks, previews, thumbnails
from tfedge.release.report.sections import mask_changes, new_mistakes, overlaps

LABELS = ("bag", "<script>", "shoe")
TARGETS = np.array([0, 0, 1, 1, 2, 2])
BEFORE = np.eye(3)[[0, 0, 1, 1, 2, 0]]
NOW = np.array(
    [[0.9, 0.1, 0], [0.3, 0.7, 0], [0.4, 0.35, 0.25], [0, 1, 0], [0, 0.99, 0.01], [0, 0, 1.0]]
)


@pytest.fixture
def told(card):
    """told(inputs, most, kind=..., y=..., **fields of the scorecard) -> what is read of Facts."""

    def make(x, most=12, kind="classification", y=TARGETS, **fields):
        outputs = {"candidate_outputs": NOW, "baseline_outputs": BEFORE}
        split = data_task.ArraySplit(x, y)
        task = data_task.Task("t", kind, split, split, split, split, labels=LABELS)
        scores = card(targets=y, **{**outputs, **fields})
        facts = types.SimpleNamespace(task=task, scorecard=scores, report_examples=most)
        facts.answered = answers.answered(facts)
        return facts

    return make


def test_the_surest_first(told):
    found = new_mistakes.of(told(np.zeros((6, 50))))
    assert (found.total, found.mended) == (3, 1)
    assert [(each.number, each.truth, each.said) for each in found.shown] == [
        (4, "shoe", "<script>"),
        (1, "bag", "<script>"),
        (2, "<script>", "bag"),
    ]
    assert found.shown[0].confidence == pytest.approx(0.99)
    assert all(each.shown == previews.Preview() for each in found.shown)


def test_logits_become_probabilities(told):
    logits = np.log(np.maximum(NOW, 1e-9)) + 5
    found = new_mistakes.of(told(np.zeros((6, 50)), candidate_outputs=logits, logits=True))
    assert found.shown[0].confidence == pytest.approx(0.99)


def test_one_unit_is_sure_of_no_as_well_as_of_yes(told):
    y = np.array([1, 0])
    outputs = {"candidate_outputs": np.array([[0.2], [0.9]]), "baseline_outputs": np.array([1, 0])}
    found = new_mistakes.of(told(np.zeros((2, 50)), kind="binary", y=y, **outputs))
    assert [(each.said, each.confidence) for each in found.shown] == [
        ("<script>", pytest.approx(0.9)),
        ("bag", pytest.approx(0.8)),
    ]


def test_an_output_that_is_no_number_is_no_answer(told):
    broken = np.where(np.arange(6)[:, None] == 4, np.nan, NOW)
    found = new_mistakes.of(told(np.zeros((6, 50)), candidate_outputs=broken))
    last = found.shown[-1]
    assert (last.number, last.said, last.confidence) == (4, new_mistakes.NO_NUMBER, 0)
    assert found.shown[0].confidence == pytest.approx(0.7)


def test_zero_leaves_users_data_out(told):
    found = new_mistakes.of(told(np.zeros((6, 8, 8, 1)), 0))
    assert found.total == 3 and found.shown == ()


def test_pictures_are_small_png(told):
    images = np.random.default_rng(0).integers(0, 256, (6, 200, 100, 3)).astype(np.uint8)
    for each in new_mistakes.of(told(images, 2)).shown:
        head, _, content = each.shown.picture.partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(content))).size == (48, 96)


def test_a_page_stays_small(told, monkeypatch):
    monkeypatch.setattr(previews, "_MOST_BYTES", 300)
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1)).astype(np.uint8)
    shown = [each.shown.picture for each in new_mistakes.of(told(images)).shown]
    assert shown[0] and not shown[-1]


def test_without_a_baseline_no_mistake_is_new(told):
    alone = {"baseline_outputs": None, "baseline_correct": None}
    assert new_mistakes.of(told(np.zeros((6, 5)), **alone)) is None


def test_texts_are_shown_as_their_tokens(told):
    tokens = np.array([[17, 4, 9, 0, 0, 0]] * 6)
    found = new_mistakes.of(told(tokens))
    assert {each.shown.text for each in found.shown} == {"17 4 9 0 (3 times)"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (np.array([3, 0, 0]), "3 0 0"),
        (np.array([7, 7, 7, 7]), "7 (4 times)"),
        (np.arange(1, 70), " ".join(map(str, range(1, 61))) + " …"),
        (np.array(["not", "bad"]), "not bad"),
        (np.array("as it is"), "as it is"),
        (np.array([b"caf\xc3\xa9", b"\xff"], object), "café \ufffd"),
        (np.array([1234.5, 0.12345], np.float32), "1,234, 0.123"),
        (np.zeros(17), ""),
        (np.zeros((2, 3), int), ""),
    ],
)
def test_an_example_as_text(row, words):
    assert previews.text(row) == words


SQUARES = np.zeros((3, 4, 6), int)
SQUARES[:, :2] = 2


@pytest.fixture
def segmented(told):
    """Three masks of 24 pixels: this model loses 1 and 6 of them in two, and wins 6 in the last."""
    before, after = SQUARES.copy(), SQUARES.copy()
    after[0, 0, 0], after[1, 0], before[2, 0] = 1, 0, 0
    outputs = {"baseline_outputs": np.eye(3)[before], "candidate_outputs": np.eye(3)[after]}

    def make(most=12, **fields):
        images = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3)).astype(np.uint8)
        return told(images, most, kind="segmentation", y=SQUARES, **{**outputs, **fields})

    return make


def test_masks_that_got_worse_are_shown_with_the_truth(segmented):
    found = mask_changes.of(segmented())
    assert (found.worse, found.better, found.total) == (2, 1, 3)
    assert [(each.number, each.before, each.after) for each in found.shown] == [
        (1, 1.0, 0.75),
        (0, 1.0, 23 / 24),
    ]
    assert [whose for whose, _ in found.shown[0].masks] == ["true", "baseline", "this model"]
    assert found.shown[0].masks[0][1] == masks.data_uri(SQUARES[1]) and found.shown[0].picture
    assert found.legend == tuple((masks.colour(n), LABELS[n]) for n in range(3))
    assert mask_changes.of(segmented(0)).shown == ()
    assert mask_changes.of(segmented(baseline_outputs=None)) is None
    assert new_mistakes.of(segmented()) is None


def test_a_mask_has_the_colours_of_its_classes():
    uri = masks.data_uri(np.array([[0, 3], [-1, 11]]))
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")
    found = ["#{:02x}{:02x}{:02x}".format(*image.getpixel(at)) for at in ((0, 0), (1, 0), (0, 1))]
    assert found == [masks.colour(0), masks.colour(3), masks.colour(-1)]
    assert image.getpixel((1, 1)) == image.getpixel((0, 0))  # colours repeat after eleven
    large = masks.data_uri(np.zeros((300, 200), int))
    assert Image.open(io.BytesIO(base64.b64decode(large.partition(",")[2]))).size == (50, 75)


def test_overlaps_by_class_with_the_largest_loss_first(segmented):
    found = overlaps.of(segmented())
    assert [(row.label, row.places, row.before, row.after) for row in found.rows] == [
        ("shoe", 36, 30 / 36, 29 / 36),
        ("bag", 36, 36 / 42, 36 / 42),
        ("<script>", 0, None, 0.0),
    ]
    assert found.mean.before == pytest.approx((30 / 36 + 36 / 42) / 2)
    assert found.mean.after == pytest.approx((29 / 36 + 36 / 42) / 3)
    alone = overlaps.of(segmented(baseline_outputs=None))
    assert not alone.has_baseline and alone.rows[0].before is None


@pytest.mark.parametrize("shape", [(2, 9), (2, 128, 6), (2, 8, 8, 5), (2, 3, 3, 1)])
def test_what_is_no_picture_is_not_shown(shape):
    assert thumbnails.data_uris(np.ones(shape, np.float32)) == ()


def test_numbers_are_stretched_to_what_can_be_seen():
    uri = thumbnails.data_uris(np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1) - 3)[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert pixels.min() == 0 and pixels.max() == 255 and pixels.shape == (4, 4)
