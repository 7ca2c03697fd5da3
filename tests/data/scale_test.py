import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene, task
from tfedge.data.hygiene import scale


def _task(normalization=(1.0, 0.0), change=lambda x: x, shape=(9, 9, 3), **changed):
    def split(n, seed):
        x = change(np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(np.uint8))
        return task.ArraySplit(x, np.arange(n) % 3)

    splits = {"train": split(150, 1), "validation": split(30, 2), "holdout": split(130, 3)}
    splits["calibration"] = splits["train"].take(np.arange(120))
    return task.Task(
        "toy",
        "classification",
        **{**splits, **changed},
        normalization=task.Normalization(*normalization),
    )


def _fractions(x):
    return x.astype(np.float32) / 255


@pytest.mark.parametrize(
    ("normalization", "change"),
    [
        ((1 / 255, 0.0), lambda x: x),
        ((1 / 127.5, -1.0), lambda x: x),
        (((1 / 58, 1 / 57, 1 / 57), (-2.1, -2.0, -1.8)), lambda x: x),
        ((-1 / 255, 1.0), lambda x: x),
        ((1.0, 0.0), _fractions),
    ],
)
def test_usual_scales_pass_without_a_word(normalization, change):
    assert hygiene.check(_task(normalization, change)) == ()


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x.astype(np.float32)])
def test_unscaled_images_are_warned_about(change):
    (warning,) = hygiene.check(_task(change=change))
    assert "given values from 0 to 255; if it does not scale them itself" in warning


def test_values_that_were_asked_for_unscaled_are_no_surprise():
    assert hygiene.check(_task(is_scale_given=True)) == ()
    (warning,) = hygiene.check(_task((1 / 255, 0.0), _fractions, is_scale_given=True))
    assert "scaled twice" in warning


def test_images_scaled_twice_are_warned_about():
    (warning,) = hygiene.check(_task((1 / 255, 0.0), _fractions))
    assert "from 0 to 0.00392157; it looks as if they were scaled twice" in warning


def test_splits_of_different_scale_are_refused():
    held_out = _task(change=lambda x: x.astype(np.float32)).holdout
    with pytest.raises(errors.BadInput, match=r"its highest value is 1, that of holdout 255"):
        hygiene.check(_task(change=_fractions, holdout=held_out))


def test_constant_channels_are_named():
    def blank(x):
        x[..., 1] = 40
        return x

    warnings = hygiene.check(_task((1 / 255, 0.0), blank))
    assert len(warnings) == 4
    assert "in train channel 1 is 40 everywhere" in warnings[0]


def test_channels_first_are_recognised():
    (warning,) = hygiene.check(_task((1 / 255, 0.0), shape=(3, 12, 12)))
    assert "(3, 12, 12) look like images with their channels first" in warning


def test_how_far_values_spread_counts_not_where_they_lie():
    (warning,) = hygiene.check(_task((1.0, -128.0)))
    assert "given values from -128 to 127; if it does not scale them itself" in warning
    (warning,) = hygiene.check(_task((1 / 127.5, -1.0), _fractions))
    assert "it looks as if they were scaled twice" in warning


def test_arrays_of_one_row_are_no_images():
    assert hygiene.check(_task(shape=(1, 64, 3))) == ()


def _looked_at(shape, low=0.0, high=1.0, dtype="float32", is_scale_given=False, **others):
    """Warnings of a train split of one shape and range, and of others by (low, high)."""
    scans = {}
    for role, (least, most) in {"train": (low, high), **others}.items():
        channels = np.array([[least] * shape[-1], [most] * shape[-1]])
        scans[role] = types.SimpleNamespace(
            form={"": (shape, dtype)}, ranges={"": (least, most)}, channel_ranges={"": channels}
        )
    made = types.SimpleNamespace(
        name="toy", normalization=task.Normalization(), is_scale_given=is_scale_given
    )
    return scale._warnings(made, scans)


@pytest.mark.parametrize(
    ("shape", "seen_as"),
    [
        ((8, 8, 3), "image"),
        ((8, 8, 1), "image"),
        ((8, 8, 4), "image"),
        ((8, 8, 2), ""),
        ((7, 8, 3), ""),
        ((8, 7, 3), ""),
        ((3, 8, 8), "first"),
        ((1, 8, 8), "first"),
        ((4, 8, 8), "first"),
        ((2, 8, 8), ""),
        ((3, 8, 7), ""),
        ((8, 8), ""),
        ((8, 8, 3, 3), ""),
    ],
)
def test_shapes_of_images(shape, seen_as):
    warnings = _looked_at(shape, high=255.0)
    said = {"image": "the model is given values from 0 to 255", "first": "channels first"}
    assert len(warnings) == bool(seen_as)
    assert not seen_as or said[seen_as] in warnings[0]


@pytest.mark.parametrize(
    ("width", "said"),
    [(64.0, ""), (64.5, "scale them itself"), (1 / 32, ""), (0.03, "scaled twice")],
)
def test_how_wide_is_too_wide_or_too_narrow(width, said):
    warnings = _looked_at((8, 8, 1), low=-5.0, high=width - 5)
    assert len(warnings) == bool(said) and all(said in each for each in warnings)
    given = _looked_at((8, 8, 1), high=width, is_scale_given=True)
    assert len(given) == (said == "scaled twice")


def test_all_splits_together_have_a_width():
    assert "from -40 to 30" in _looked_at((8, 8, 1), low=-40.0, high=0.0, test=(0.0, 30.0))[0]
    flat = _looked_at((8, 8, 3), low=2.0, high=2.0, test=(0.0, 3.0))
    assert flat == ["task toy: in train channel 0, 1, 2 is 2 everywhere: it tells a model nothing"]
    assert _looked_at((8, 8, 1), low=2.0, high=2.0) == []  # one channel is refused elsewhere


@pytest.mark.parametrize(
    ("one", "other", "dtype", "refused"),
    [
        (1.0, 101.0, "float32", True),
        (1.0, 100.0, "float32", False),
        (1.1, 255.0, "float32", False),
        (0.0, 255.0, "float32", False),
        (1.0, 255.0, "uint8", False),
    ],
)
def test_fractions_beside_bytes(one, other, dtype, refused):
    if refused:
        with pytest.raises(errors.BadInput, match="its highest value is 1, that of train 101"):
            _looked_at((8, 8, 1), high=other, dtype=dtype, test=(0.0, one))
    else:
        _looked_at((8, 8, 1), high=other, dtype=dtype, test=(0.0, one))
