"""Boxes by hand: (n, boxes, 4 + classes), the middle, width and height, then a score a class."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import metrics, task
from tfedge.data.scoring import boxes
from tfedge.release.gate import metric_check

A, B = (5, 5, 10, 10), (30, 30, 10, 10)
NOTHING = (0, 0, 0, 0, 0)
TRUE = np.array([[(*A, 1), NOTHING], [(*B, 1), NOTHING]], np.float32)
# .9 finds A, .8 finds nothing, .7 finds B where an overlap of .8 is enough.
FOUND = np.array(
    [[(*A, 0.9), (80, 80, 4, 4, 0.8)], [(30, 29, 10, 8, 0.7), (90, 9, 4, 4, 0.1)]], np.float32
)
BOTH, FIRST = (51 + 50 * 2 / 3) / 101, 51 / 101  # recall .5 at precision 1, then 1 at 2/3


def _metric(name, y, kind="regression"):
    split = task.ArraySplit(
        np.zeros((len(next(iter(y.values())) if isinstance(y, dict) else y), 1)), y
    )
    return metrics.resolve(task.Task("toy", kind, split, split, split, metric=name))


def test_average_precision_by_hand():
    assert _metric("mean_average_precision", TRUE).value(FOUND, TRUE) == pytest.approx(
        (7 * BOTH + 3 * FIRST) / 10
    )
    at_half, at_more = (
        _metric(f"mean_average_precision(iou={level})", TRUE).value(FOUND, TRUE)
        for level in (0.5, 0.85)
    )
    assert (at_half, at_more) == pytest.approx((BOTH, FIRST))


def test_a_second_box_on_the_same_one_is_wrong_and_a_missed_one_counts():
    y = np.array([[(*A, 1), (*B, 1)]], np.float32)
    twice = np.array([[(*A, 0.9), (*A, 0.8)]], np.float32)
    assert _metric("mean_average_precision", y).value(twice, y) == pytest.approx(FIRST)
    assert _metric("box_iou", y).value(twice, y) == 0.5


def test_each_class_is_judged_by_itself_and_those_without_a_box_are_left_out():
    y = np.array([[(*A, 1, 0, 0), (*B, 0, 1, 0)]], np.float32)
    swapped = np.array([[(*A, 0.9, 0.1, 0), (*B, 0.8, 0.7, 0)]], np.float32)
    assert _metric("mean_average_precision", y).value(swapped, y) == pytest.approx(0.5)


def test_box_iou_is_the_mean_over_true_boxes_not_over_images():
    y = np.array([[(*A, 1), (*B, 1)], [(*A, 1), NOTHING]], np.float32)
    found = np.array([[(*B, 0), (*A, 0)], [(90, 90, 2, 2, 1), (5, 4, 10, 8, 0)]], np.float32)
    metric = _metric("box_iou", y)
    assert metric.value(found, y) == pytest.approx((1 + 1 + 0.8) / 3)
    assert metric.higher_is_better and metric.correct is None


@pytest.mark.parametrize(
    ("form", "a_half"),
    [("cxcywh", (5, 5, 10, 5)), ("xyxy", (5, 5, 10, 7.5)), ("yxyx", (5, 5, 7.5, 10))],
)
def test_the_form_of_boxes_is_an_option(form, a_half):
    whole = (5, 5, 10, 10)
    y, found = np.array([whole], np.float32), np.array([a_half], np.float32)
    assert _metric(f'box_iou(boxes="{form}")', y).value(found, y) == 0.5
    left, top, right, bottom = boxes.corners(np.array((1, 2, 4, 8)), form)
    assert (left, top, right, bottom) == {
        "cxcywh": (-1, -2, 3, 6), "xyxy": (1, 2, 4, 8), "yxyx": (2, 1, 8, 4)
    }[form]  # fmt: skip


def test_boxes_and_scores_may_be_two_outputs():
    parts = {"score": TRUE[..., 4:], "box": TRUE[..., :4]}
    found = {"score": FOUND[..., 4:], "box": FOUND[..., :4]}
    joined = _metric("mean_average_precision", TRUE).value(FOUND, TRUE)
    for name in ("mean_average_precision", "mean_average_precision:box+score"):
        metric = _metric(name, parts)
        assert metric.value(found, parts) == joined
        assert metric.name == "mean_average_precision:box+score"
        assert metric.outputs == ("box", "score")
    numbers = {"box": parts["box"], "score": np.zeros((2, 2), int)}
    assert _metric("mean_average_precision", numbers, "custom").value(found, numbers) == joined


def test_a_broken_answer_finds_nothing():
    broken = FOUND.copy()
    broken[0, 0, 4] = np.nan
    broken[1, 0, 0] = np.nan
    assert _metric("mean_average_precision", TRUE).value(broken, TRUE) == pytest.approx(
        51 / 101 / 4  # A alone, the last of four
    )
    assert _metric("box_iou", TRUE).value(broken, TRUE) == 0.5


def _scenes(n, seed):
    random = np.random.default_rng(seed)
    y = np.zeros((n, 6, 7), np.float32)
    y[..., :4] = random.uniform(5, 30, (n, 6, 4))
    y[..., 4:] = np.eye(3)[random.integers(0, 3, (n, 6))] * (random.random((n, 6, 1)) < 0.5)
    found = y + random.normal(size=y.shape) * (1, 1, 1, 1, 0.4, 0.4, 0.4)
    return y, found.astype(np.float32)


@pytest.mark.parametrize("name", ["mean_average_precision", "box_iou"])
def test_draws_of_images_matched_once_are_as_if_matched_anew(name):
    y, found = _scenes(40, 0)
    metric = _metric(name, y)
    rows = np.random.default_rng(1).integers(0, 40, 40)
    assert metric.prepared(found, y)[rows].value() == pytest.approx(
        metric.value(found[rows], y[rows]), abs=1e-9
    )
    assert 0.05 < metric.value(found, y) < 0.95


def test_average_precision_is_cocos():
    """Against the definition, box by box, one class and one overlap at a time."""
    y, found = _scenes(20, 2)
    per_class = []
    for each in range(3):
        sure, right = [], []
        for image, true in zip(found, y, strict=True):
            left = list(boxes.corners(true[true[:, 4 + each] > 0, :4], "cxcywh"))
            mine = [row for row in image if row[4:].argmax() == each]
            for row in sorted(mine, key=lambda row: -row[4:].max()):
                own = boxes.corners(row[:4], "cxcywh")[np.newaxis]
                overlaps = [boxes.overlaps(own, other[np.newaxis])[0, 0] for other in left]
                hit = bool(overlaps) and max(overlaps) >= 0.5
                if hit:
                    left.pop(int(np.argmax(overlaps)))
                sure.append(row[4:].max())
                right.append(hit)
        hits = np.cumsum(np.array(right)[np.argsort(-np.array(sure))])
        precision = hits / np.arange(1, len(hits) + 1)
        recall = hits / (y[..., 4 + each] > 0).sum()
        reached = [precision[recall >= at] for at in np.linspace(0, 1, 101)]
        per_class.append(np.mean([part.max() if part.size else 0 for part in reached]))
    found_value = _metric("mean_average_precision(iou=0.5)", y).value(found, y)
    assert found_value == pytest.approx(np.mean(per_class))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mean_average_precision(form=xyxy)", "there is no such setting"),
        (
            "mean_average_precision(boxes=ltrb)",
            'expected one of "cxcywh", "xyxy", "yxyx", got "ltrb"',
        ),
        ("box_iou(iou=0.5)", "there is no such setting. There are: boxes"),
        ("mean_average_precision(iou=2)", "expected 0 < iou < 1 or None, got 2"),
        ("mean_average_precision(xyxy)", "expected a metric with named settings"),
        ("mean_average_precison", "Did you mean 'mean_average_precision'"),
        ("accuracy(boxes=xyxy)", "it has no options"),
    ],
)
def test_what_cannot_be_read_is_refused(name, message):
    with pytest.raises(errors.BadInput, match=message):
        _metric(name, TRUE)


def test_targets_that_are_no_boxes_are_refused():
    with pytest.raises(errors.BadInput, match="are no boxes"):
        _metric("mean_average_precision", np.zeros((3, 4), np.float32))
    with pytest.raises(errors.BadInput, match="Outputs: box, other, score"):
        _metric(
            "mean_average_precision",
            {name: np.zeros((3, 2, 4), np.float32) for name in ("box", "other", "score")},
        )


def test_options_survive_the_text_of_several_metrics():
    text = 'mean_average_precision(boxes="xyxy", iou=0.5), box_iou(boxes=xyxy)'
    split = task.ArraySplit(np.zeros((2, 1)), TRUE)
    made = task.Task("toy", "regression", split, split, split, metric=text)
    assert made.more_metrics == ("box_iou(boxes=xyxy)",)
    assert metrics.resolve(made).name == "mean_average_precision(boxes=xyxy, iou=0.5)"


class _Card:
    """What the comparison of two models reads of a scorecard."""

    baseline_correct = candidate_correct = None

    def __init__(self, metric, before, ours, targets):
        self.judged_by, self.targets = metric, targets
        self.baseline_outputs, self.candidate_outputs = before, ours


@pytest.mark.parametrize(("shift", "outcome"), [(0, "PASS"), (1.5, "FAIL")])
def test_the_gate_sees_boxes_that_moved(shift, outcome):
    y, found = _scenes(400, 3)
    moved = found + np.float32([shift, 0, 0, 0, 0, 0, 0])
    card = _Card(_metric("mean_average_precision", y), found, moved, y)
    assert metric_check.check(card, margin=0.01, alpha=0.05)[0].outcome == outcome
