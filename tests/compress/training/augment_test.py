import dataclasses
import itertools

import numpy as np
import pytest

from tfedge import cache
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import augment, batches, finetune, training_state
from tfedge.data import augmentation
from tfedge.data.task import ArraySplit, Normalization, Task

COUNTED = np.arange(4 * 6 * 5, dtype=np.float32).reshape(4, 6, 5, 1)


def _varied(text, x=COUNTED, y=(0, 1, 2, 0), kind="classification", steps=12, seed=0):
    """(steps, ...) inputs and targets."""
    split = ArraySplit(x, np.asarray(y))
    task = Task("toy", kind, split, split, split, augment=text, seed=seed)
    vary = augment.augmenter(task)
    found = [vary(x, np.asarray(y), step)[:2] for step in range(steps)]
    return np.stack([each[0] for each in found]), np.stack([each[1] for each in found])


def test_nothing_asked_for_is_nothing_done(task):
    assert augment.augmenter(task) is None


def test_flipped_images_are_mirrors_of_some():
    found, y = _varied("flip(vertical=True)")
    mirrors = [COUNTED, COUNTED[:, ::-1], COUNTED[:, :, ::-1], COUNTED[:, ::-1, ::-1]]
    seen = {
        next(i for i, mirror in enumerate(mirrors) if np.array_equal(image, mirror[n]))
        for batch in found
        for n, image in enumerate(batch)
    }
    assert seen == {0, 1, 2, 3} and np.all(y == [0, 1, 2, 0])


@pytest.mark.parametrize("reflect", [False, True])
def test_cropped_images_are_shifted(reflect):
    found, _ = _varied(f"crop(padding=2, reflect={reflect})", steps=30)
    mode = {"mode": "reflect"} if reflect else {"constant_values": 0}
    padded = np.pad(COUNTED, ((0, 0), (2, 2), (2, 2), (0, 0)), **mode)
    shifts = list(itertools.product(range(5), range(5)))
    seen = {
        next(s for s in shifts if np.array_equal(image, padded[n, s[0] :, s[1] :][:6, :5]))
        for batch in found
        for n, image in enumerate(batch)
    }
    assert len(seen) > 20


def test_the_rim_of_a_crop_is_black_after_normalization():
    split = ArraySplit(np.full((4, 6, 6, 1), 200, np.uint8), np.arange(4))
    normalization = Normalization(1 / 100, -1.0)
    task = Task("t", "classification", split, split, split, None, None, (), normalization)
    task = dataclasses.replace(task, augment="crop(padding=5)")
    x, *_ = next(batches.prefetched(task, np.arange(4), 4))
    assert set(np.round(np.unique(x), 5)) == {-1.0, 1.0}


def test_a_cut_out_square_has_the_mean():
    found, _ = _varied("cutout(size=2)")
    changed = (found != COUNTED).reshape(12, 4, -1).sum(-1)
    assert changed.max() == 4 and changed.min() >= 1
    np.testing.assert_allclose(found[found != np.stack([COUNTED] * 12)], COUNTED.mean())


@pytest.mark.parametrize(
    ("kind", "y"),
    [
        ("classification", [0, 1, 2, 0]),
        ("binary", [0, 1, 1, 0]),
        ("multilabel", [[0, 1], [1, 1], [1, 0], [0, 0]]),
    ],
)
def test_mixed_targets_count_as_much_as_their_parts(kind, y):
    y, counts = np.array(y), np.array([0.0, 3.0, 0.5, 0.5], np.float32)
    split = ArraySplit(np.eye(4, dtype=np.float32), y)
    task = Task("toy", kind, split, split, split, augment="mixup(alpha=1.0)")
    shares, mixed, (found,) = augment.augmenter(task)(split.x, y, 0, (counts,))
    whole = np.eye(3)[y] if kind == "classification" else y.reshape(4, -1)
    parts = np.asarray(shares) * counts  # an input's places say which examples it is of
    np.testing.assert_allclose(found, parts.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(
        np.reshape(mixed, (4, -1)) * found[:, None], parts @ whole, rtol=1e-5, atol=1e-6
    )
    assert mixed.shape == (whole.shape if kind == "classification" else y.shape)


def test_mixup_takes_the_same_share_of_targets():
    x = np.eye(4, dtype=np.float32)[:, None, :, None] * np.ones((1, 3, 1, 1), np.float32)
    found, y = _varied("mixup(alpha=0.5)", x=x, y=(0, 1, 2, 3))
    np.testing.assert_allclose(found[:, :, 0, :, 0], y, atol=1e-6)
    np.testing.assert_allclose(y.sum(-1), 1, atol=1e-6)
    assert y.std() > 0.1 and np.all(y >= 0)


def test_cutmix_takes_the_share_of_the_area():
    x = np.eye(4, dtype=np.float32)[:, None, None, :] * np.ones((1, 8, 8, 1), np.float32)
    found, y = _varied("cutmix", x=x, y=(0, 1, 2, 3))
    assert set(np.unique(found)) == {0.0, 1.0}
    np.testing.assert_allclose(found.mean(axis=(2, 3)), y, atol=1e-6)
    assert y.std() > 0.1


def test_mixed_labels_of_a_multilabel_task_stay_in_their_form():
    _, y = _varied("mixup", x=COUNTED, y=np.eye(4, dtype=int), kind="multilabel")
    np.testing.assert_allclose(y.sum(axis=(1, 2)), 4, rtol=1e-5)


def test_no_turn_and_no_zoom_change_nothing():
    found, _ = _varied("rotation(degrees=0.0), zoom(factor=0.0), contrast(factor=0.0)")
    np.testing.assert_allclose(found, np.stack([COUNTED] * 12), atol=1e-4)


def test_a_zoomed_image_keeps_its_middle_and_a_turned_one_its_sum():
    image = np.zeros((4, 9, 9, 1), np.float32)
    image[:, 4, 4] = 1.0
    found, _ = _varied("rotation(degrees=180.0)", x=image)
    np.testing.assert_allclose(found[:, :, 4, 4], 1.0, atol=1e-5)
    image[:, 3:6, 3:6] = 1.0
    found, _ = _varied("zoom(factor=0.5)", x=image)
    np.testing.assert_allclose(found[:, :, 4, 4], 1.0, atol=1e-5)
    assert found.sum(axis=(2, 3, 4)).min() < 9 < found.sum(axis=(2, 3, 4)).max()


@pytest.mark.parametrize("name", augmentation.KINDS)
def test_each_is_a_function_of_the_seed_and_the_step(name):
    text = "cutout(size=2)" if name == "cutout" else name
    first, again = _varied(text)[0], _varied(text)[0]
    np.testing.assert_array_equal(first, again)
    assert np.all(np.isfinite(first)) and first.shape == (12, *COUNTED.shape)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, _varied(text, seed=1)[0])


def test_a_resumed_training_ends_as_an_uninterrupted_one(network, make_task, tmp_path):
    task = make_task(augment="flip, crop(padding=1), mixup, cutout(size=2)")
    whole, history = finetune.finetune(Candidate(network), task, finetune.Plan(3, 1e-2), "0-t")
    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        killed = _killed_after(2, task)
        with pytest.raises(KeyboardInterrupt):
            finetune.finetune(Candidate(network), killed, finetune.Plan(3, 1e-2), "0-t")
        again, resumed = finetune.finetune(Candidate(network), task, finetune.Plan(3, 1e-2), "0-t")
    assert resumed == history and history[-1]["validation_accuracy"] > 0.5
    for one, two in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def _killed_after(epochs, task):
    left = iter(range(epochs))

    class Killing(ArraySplit):
        def batches(self, size, order=None):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return super().batches(size, order)

    return dataclasses.replace(task, validation=Killing(task.validation.x, task.validation.y))


def test_a_larger_square_is_cut_out_whole():
    image = np.arange(4 * 12 * 12, dtype=np.float32).reshape(4, 12, 12, 1)
    found, _ = _varied("cutout(size=4)", x=image)
    assert (found != image).reshape(12, 4, -1).sum(-1).max() == 16


@pytest.fixture
def drawn(monkeypatch):
    """drawn(x, text, at) -> (inputs, targets) where every uniform draw is `at` of its range."""

    def vary(x, text, at, y=None):
        def uniform(x, seed, low, high, count):
            return np.full((len(x), count), low + at * (high - low), np.float32)

        monkeypatch.setattr(augment, "_uniform", uniform)
        y = np.arange(len(x)) if y is None else y
        split = ArraySplit(x, y)
        task = Task("toy", "classification", split, split, split, augment=text)
        found, shares, _ = augment.augmenter(task)(x, y, 0)
        return np.asarray(found), np.asarray(shares)

    return vary


def test_a_quarter_turn_and_a_half_turn(drawn):
    square = np.random.default_rng(0).random((2, 5, 5, 1), np.float32)
    found, _ = drawn(square, "rotation(degrees=90.0)", 1.0)
    np.testing.assert_allclose(found, np.rot90(square, axes=(1, 2)), atol=1e-5)
    found, _ = drawn(square, "rotation(degrees=90.0)", 0.0)
    np.testing.assert_allclose(found, np.rot90(square, -1, axes=(1, 2)), atol=1e-5)
    found, _ = drawn(COUNTED, "rotation(degrees=180.0)", 1.0)
    np.testing.assert_allclose(found, COUNTED[:, ::-1, ::-1], atol=1e-3)


@pytest.mark.parametrize(
    ("at", "columns"), [(0.0, [1, 0, 2, 4, 3]), (1.0, [2 / 3, 4 / 3, 2, 8 / 3, 10 / 3])]
)
def test_a_zoom_by_a_half_each_way(drawn, at, columns):
    """Half as large: every second pixel, the rim reflected. Half as large again: between them."""
    x = np.tile(np.arange(5, dtype=np.float32)[None, None, :, None], (1, 5, 1, 1))
    found, _ = drawn(x, "zoom(factor=0.5)", at)
    np.testing.assert_allclose(found[0, :, :, 0], [columns] * 5, atol=1e-5)


def test_brightness_moves_by_a_share_of_what_is_between_the_darkest_and_the_brightest(drawn):
    x = np.array([[[[10.0], [11.0]]], [[[12.0], [14.0]]]], np.float32)
    for at, change in ((1.0, 1.0), (0.5, 0.0), (0.0, -1.0)):
        found, _ = drawn(x, "brightness(factor=0.25)", at)
        np.testing.assert_allclose(found, np.clip(x + change, 10, 14))


def test_contrast_is_around_each_images_and_channels_own_mean(drawn):
    x = np.array([[[[0.0, 5.0]], [[2.0, 7.0]]], [[[4.0, 2.0]], [[8.0, 2.0]]]], np.float32)
    for at, factor in ((0.0, 0.5), (1.0, 1.5)):
        found, _ = drawn(x, "contrast(factor=0.5)", at)
        mean = np.array([[1.0, 6.0], [6.0, 2.0]])[:, None, None]
        np.testing.assert_allclose(found, np.clip(mean + factor * (x - mean), 0, 8))


def test_flips_are_of_every_second_draw_and_vertical_only_where_asked_for(drawn):
    assert np.array_equal(drawn(COUNTED, "flip", 0.49)[0], COUNTED[:, :, ::-1])
    assert np.array_equal(drawn(COUNTED, "flip", 0.5)[0], COUNTED)
    both = drawn(COUNTED, "flip(vertical=True)", 0.0)[0]
    assert np.array_equal(both, COUNTED[:, ::-1, ::-1])
    vertical = drawn(COUNTED, "flip(horizontal=False, vertical=True)", 0.0)[0]
    assert np.array_equal(vertical, COUNTED[:, ::-1])


def test_what_is_cut_out_lies_about_the_middle_that_is_drawn(drawn):
    """Of 6 x 5 pixels: rows whose middles lie within 1 of row 3.0, columns within 1 of 2.5."""
    found, _ = drawn(COUNTED, "cutout(size=2)", 0.5)
    changed = np.argwhere((found != COUNTED)[0, :, :, 0]).tolist()
    assert changed == [[row, column] for row in (2, 3) for column in (1, 2, 3)]


def test_a_mixed_in_box_counts_with_its_area(drawn, monkeypatch):
    """A fourth of the area about the middle of 8 x 6 pixels: half of each side."""
    monkeypatch.setattr(augment, "_share", lambda x, seed, alpha: np.full(len(x), 0.75, np.float32))
    x = np.eye(2, dtype=np.float32)[:, None, None, :] * np.ones((1, 8, 6, 1), np.float32)
    found, y = drawn(x, "cutmix", 0.5)
    inside = np.argwhere(found[0, :, :, 1] == 1)
    assert (inside.min(axis=0), inside.max(axis=0)) == (
        pytest.approx([2, 1]),
        pytest.approx([5, 4]),
    )
    np.testing.assert_allclose(y, [[1 - 16 / 48, 16 / 48], [16 / 48, 1 - 16 / 48]], rtol=1e-6)


def test_the_share_of_a_mix_is_that_of_a_beta():
    """Beta(1, 1) is even between 0 and 1, Beta(0.2, 0.2) mostly near either end."""
    x, seed = np.zeros((4000, 1), np.float32), np.array([3, 4])
    even, far = (np.asarray(augment._share(x, seed, alpha)) for alpha in (1.0, 0.2))
    for found, variance in ((even, 1 / 12), (far, 1 / 5.6)):
        assert found.mean() == pytest.approx(0.5, abs=0.02)
        assert found.var() == pytest.approx(variance, rel=0.06)
        assert found.min() >= 0 and found.max() <= 1
