import io

import numpy as np
import pytest
from PIL import Image

from tfedge.data import task
from tfedge.data.hygiene import near_duplicates
from tfedge.data.scanning import fingerprints, inputs
from tfedge.data.sources import load_task


def _scenes(n, side=28, channels=1):
    """Bright boxes on a dark ground, no two alike."""
    random, images = np.random.default_rng(5), np.full((n, side, side, channels), 20, np.uint8)
    for image in images:
        for top, left in random.integers(4, side - 11, (4, 2)):
            height, width = random.integers(3, 8, 2)
            image[top : top + height, left : left + width] = random.integers(60, 200)
    return images


def _near(held_out, train):
    splits = {"holdout": held_out, "train": train}
    made = {role: task.ArraySplit(x, np.zeros(len(x), int)) for role, x in splits.items()}
    return near_duplicates.near({role: (s, inputs.scan(s, role)) for role, s in made.items()})


def _jpeg(images):
    copies = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "JPEG", quality=85)
        copies.append(np.asarray(Image.open(file))[..., np.newaxis])
    return np.stack(copies)


@pytest.mark.parametrize(
    ("change", "copy"),
    [
        ("", lambda x: np.clip(x + 25.0, 0, 255).astype(np.uint8)),
        ("", lambda x: (x * 0.7).astype(np.uint8)),
        ("", _jpeg),
        ("mirrored", lambda x: x[:, :, ::-1]),
        ("upside down", lambda x: x[:, ::-1]),
        ("shifted by 0, 1 pixels", lambda x: np.roll(x, 1, axis=2)),
        ("shifted by -1, 1 pixels", lambda x: np.roll(x, (-1, 1), axis=(1, 2))),
        ("mirrored, shifted by 1, 0 pixels", lambda x: np.roll(x, 1, axis=1)[:, :, ::-1]),
    ],
)
def test_changed_copies_are_found_with_the_change(change, copy):
    images = _scenes(80)
    pairs = _near(copy(images[10:20]), images)
    assert [(pair.index, pair.twin) for pair in pairs] == [(n, 10 + n) for n in range(10)]
    assert {pair.change for pair in pairs} == {change}


def test_copies_of_colour_images_are_found_and_others_are_not():
    images = _scenes(60, 32, 3)
    held_out = np.concatenate([images[55:], images[:3, :, ::-1]])
    pairs = _near(held_out, images[:50])
    assert [(pair.index, pair.twin, pair.role) for pair in pairs] == [
        (5, 0, "train"),
        (6, 1, "train"),
        (7, 2, "train"),
    ]


def test_blank_images_resemble_nothing():
    images = _scenes(20)
    images[3] = 7
    assert not _near(np.full((2, 28, 28, 1), 9, np.uint8), images)


def test_digits_of_one_class_are_not_near():
    made = load_task("digits")
    assert not _near(made.holdout.x, made.train.x)


def test_vectors_are_not_compared():
    vectors = np.random.default_rng(0).random((10, 6))
    assert _near(vectors, vectors) == ()


def test_a_black_image_has_a_fingerprint_of_zeros():
    images = np.stack([np.zeros((9, 9)), np.random.default_rng(0).random((9, 9))])
    black, other = fingerprints.take(images)
    assert not black.any() and np.linalg.norm(other) == pytest.approx(1)
