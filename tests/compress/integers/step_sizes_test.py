import numpy as np
import pytest

from tfedge.compress.integers import step_sizes

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 8, 4)).astype(np.float32)


def _lost(kernel, scales, top):
    codes = np.clip(np.round(kernel / scales), -top, top)
    return np.square(kernel - scales * codes).sum()


def test_a_kernel_on_a_grid_has_the_scales_of_that_grid():
    scales = np.array([0.5, 0.03], np.float32).reshape(1, 2)
    codes = np.array([[7, -3], [1, 7], [2, 5]])
    np.testing.assert_allclose(step_sizes.least_squares(scales * codes, "Dense", 7), scales)


@pytest.mark.parametrize(("top", "saved"), [(1, 0.6), (3, 0.25), (7, 0.1), (127, 0.0)])
def test_clipping_the_largest_weights_loses_less(top, saved):
    usual = np.abs(KERNEL).max(axis=(0, 1, 2), keepdims=True) / top
    found = step_sizes.least_squares(KERNEL, "Conv2D", top)
    assert found.shape == (1, 1, 1, 4) and found.dtype == np.float32
    assert _lost(KERNEL, found, top) <= (1 - saved) * _lost(KERNEL, usual, top)


@pytest.mark.parametrize("per_channel", [True, False])
def test_no_other_power_of_two_loses_less(per_channel):
    kernel = KERNEL * np.array([1, 10, 0.2, 3], np.float32)
    found = step_sizes.exponents(kernel, "Conv2D", 7, per_channel)
    assert found.shape == ((1, 1, 1, 4) if per_channel else (1, 1, 1, 1))
    assert found.dtype == np.int32
    for other in (-1, 1):
        assert _lost(kernel, 2.0**found, 7) <= _lost(kernel, 2.0 ** (found + other), 7)


def test_channels_of_zeros_have_a_scale_too():
    zeros = np.zeros((3, 3, 2, 2), np.float32)
    assert np.all(step_sizes.least_squares(zeros, "DepthwiseConv2D", 7) == 1)
    assert step_sizes.exponents(zeros, "DepthwiseConv2D", 7, True).shape == (1, 1, 2, 2)
