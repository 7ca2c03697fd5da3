import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene, task


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
