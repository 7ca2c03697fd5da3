import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import augmentation
from tfedge.data.task import ArraySplit, Task

IMAGES = np.zeros((4, 6, 6, 1), np.uint8)
PLACES = {"kind": "segmentation", "y": np.zeros((4, 6, 6), int)}


def _task(augment, x=IMAGES, kind="classification", y=(0, 1, 2, 0), **fields):
    split = ArraySplit(x, np.asarray(y))
    return Task("toy", kind, split, split, split, augment=augment, **fields)


def test_the_text_is_read_in_its_order():
    found = augmentation.parse("mixup(alpha=1), flip, crop(padding=4, reflect=True)")
    assert found == (
        augmentation.Mixup(alpha=1),
        augmentation.Flip(),
        augmentation.Crop(padding=4, reflect=True),
    )
    assert augmentation.parse(" ") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flop", "there is no such variation. Did you mean 'flip'"),
        ("crop(paddin=2)", "there is no such setting. Did you mean 'padding'"),
        ("crop(padding=0)", "expected a whole number of 1 to 512, got 0. Write crop(padding=2)"),
        ("crop(padding=2.5)", "expected a whole number of 1 to 512, got 2.5"),
        ("crop(padding=True)", "expected a whole number of 1 to 512, got True"),
        ("flip(horizontal=1)", "expected True or False, got 1"),
        ("mixup(alpha=-1)", "expected 0.01 <= alpha <= 100, got -1"),
        ("mixup(0.2)", "expected a variation with named settings"),
        ("crop(padding=len('ab'))", "nothing to compute"),
        ("flip,, crop", "cannot be read"),
        ("), (", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text, said):
    with pytest.raises(errors.BadInput) as refused:
        augmentation.parse(text)
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("augment", "fields", "said"),
    [
        ("mixup", {"kind": "regression", "y": (0.5, 1.0, 2.0, 3.0)}, "this is a regression task"),
        ("mixup", {"loss": "mse"}, "the task's own loss"),
        ("flip", {"kind": "segmentation", "y": np.zeros((4, 6, 6), int)}, "moves pixels"),
        *((name, PLACES, "moves pixels") for name in ("crop", "rotation", "zoom")),
        ("flip", {"x": np.zeros((4, 6), np.float32)}, "needs images"),
        ("mixup", {"x": np.zeros((4, 6), np.int32)}, "int32 numbers"),
        ("crop(padding=6)", {}, "6 pixels are too many for images of 6 x 6"),
        ("flip", {"x": {"one": IMAGES, "two": IMAGES}}, "several inputs: one, two"),
    ],
)
def test_what_a_task_does_not_allow_is_refused_with_the_reason(augment, fields, said):
    with pytest.raises(errors.BadInput, match=said):
        _task(augment, **fields)


def test_what_a_task_allows_is_kept():
    table = np.zeros((4, 6), np.float32)
    made = _task("mixup", x=table, kind="multilabel", y=np.eye(4, dtype=int))
    assert dataclasses.replace(made, seed=3).augment == "mixup"
    assert _task("flip", kind="regression", y=(0.5, 1.0, 2.0, 3.0)).augment == "flip"
    segmentation = _task("brightness", kind="segmentation", y=np.zeros((4, 6, 6), int))
    assert segmentation.augment == "brightness"
