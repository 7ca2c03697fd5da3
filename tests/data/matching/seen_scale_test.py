import numpy as np
import pytest

from tfedge import errors
from tfedge.data import task
from tfedge.data.matching import seen_scale


@pytest.mark.parametrize(
    ("scale", "offset", "expected"),
    [
        (1 / 255, 0, (0.0, 255.0)),
        (1 / 127.5, -1, (0.0, 255.0)),
        (1 / 128, -1, (0.0, 255.0)),
        (2.0, -1.0, None),
        (1.0, 0.0, None),
    ],
)
def test_a_layer_that_rescales_tells_its_range(scale, offset, expected):
    assert seen_scale.trained_range(scale, offset) == expected


_MINUS_ONE_TO_ONE = task.Normalization(1 / 127.5, -1.0)


def _task(normalization):
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 2)).astype(np.uint8)
    split = task.ArraySplit(x, np.arange(40) % 2)
    return task.Task("toy", "binary", split, split, split, normalization=normalization)


def test_moments_of_the_same_scale_pass():
    made = _task(task.Normalization(1 / 255))
    seen_scale.check_moments(made, "", np.array([0.45, 0.3]), np.array([0.08, 0.2]))
    seen_scale.check_moments(made, "image", np.zeros(3), np.full(3, 9.0))  # another axis


def test_moments_of_another_scale_are_refused():
    means, variances = np.array([0.5, 0.5]), np.array([0.08, 0.08])
    with pytest.raises(errors.BadInput, match=r"around 0.5 with a standard deviation of 0.283"):
        seen_scale.check_moments(_task(task.Normalization()), "", means, variances)
    with pytest.raises(errors.BadInput, match="after normalization the data has"):
        twice = _task(task.Normalization(1 / 255**2))
        seen_scale.check_moments(twice, "", means, variances)


def test_an_untrained_layer_tells_nothing():
    seen_scale.check_moments(_task(task.Normalization()), "", np.zeros(2), np.ones(2))


@pytest.mark.parametrize("normalization", [task.Normalization(1 / 255), _MINUS_ONE_TO_ONE])
def test_what_a_first_layer_rescales_must_not_be_rescaled_before(normalization):
    with pytest.raises(errors.BadInput, match="which its first layer rescales"):
        seen_scale.check_bytes(_task(normalization), (0.0, 255.0))


def test_bytes_and_dark_bytes_pass():
    for scale in (1.0, 0.1, 0.01):
        seen_scale.check_bytes(_task(task.Normalization(scale)), (0.0, 255.0))


def test_values_far_below_zero_are_not_rescaled_already():
    made = _task(task.Normalization(-50 / 255, 0.5))
    seen_scale.check_bytes(made, (0.0, 255.0))
