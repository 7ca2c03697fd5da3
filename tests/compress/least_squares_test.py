import numpy as np
import pytest

from tfedge.compress.channels import least_squares


def _sums(inputs, missing):
    inputs, missing = np.array(inputs, float), np.array(missing, float)
    ones = np.hstack([inputs, np.ones((len(inputs), 1))])
    products = ones.T @ np.hstack([ones, missing])
    return least_squares.Sums(products, float(np.square(missing).sum()), float(missing.var()))


def test_a_line_is_found_and_nothing_is_left():
    """R = 2 x + 3, in one output; half of it in another."""
    x = [[0], [1], [2], [5]]
    sums = _sums(x, [[3, 1.5], [5, 2.5], [7, 3.5], [13, 6.5]])
    change = least_squares.solved(sums, 0.0)
    np.testing.assert_allclose(change.kernel, [[2, 1]])
    np.testing.assert_allclose(change.shift, [3, 1.5])
    assert least_squares.left(sums, change) == pytest.approx(0, abs=1e-9)


def test_without_a_shift_the_line_goes_through_zero():
    sums = _sums([[1], [2]], [[3], [5]])
    change = least_squares.solved(sums, 0.0, shift=False)
    assert change.kernel.item() == pytest.approx((1 * 3 + 2 * 5) / 5) and change.shift.item() == 0
    assert least_squares.left(sums, change) == pytest.approx(0.4**2 + 0.2**2)


def test_a_ridge_of_the_inputs_size_halves_the_change():
    change = least_squares.solved(_sums([[-1], [1]], [[-4], [4]]), 1.0)
    assert change.kernel.item() == pytest.approx(2)


def test_of_a_kernel_that_may_not_change_the_shift_takes_the_mean():
    sums = _sums([[0], [1], [2], [5]], [[3], [5], [7], [13]])
    fit = least_squares.best(sums, sums, kernel=False)
    assert fit.change.kernel.item() == 0 and fit.change.shift.item() == 7


def test_inputs_that_are_always_the_same_tell_nothing_but_the_mean():
    change = least_squares.solved(_sums([[2], [2]], [[1], [3]]), 1e-6)
    assert change.kernel.item() == 0 and change.shift.item() == 2


def test_inputs_that_vary_by_less_than_rounding_are_as_good_as_constant():
    x = 1e3 + 1e-9 * np.random.default_rng(0).normal(size=(50, 8))
    change = least_squares.solved(_sums(x, np.arange(50.0)[:, None]), 1e-6)
    assert np.isfinite(change.kernel).all()
    np.testing.assert_allclose(x.mean(axis=0) @ change.kernel + change.shift, [24.5])


def test_what_does_harm_on_rows_that_are_kept_back_is_not_done():
    up, down = _sums([[0], [1]], [[0], [1]]), _sums([[0], [1]], [[0], [-1]])
    assert least_squares.best(up, down) is None
    assert least_squares.best(down, down).change.kernel.item() == pytest.approx(-1, abs=1e-5)


def test_the_ridge_is_that_which_helps_most_on_rows_that_are_kept_back():
    """Two inputs that are nearly one: that they differ is noise, of which nothing is learned."""
    seen = _sums([[1, 1.01], [-1, -1.01], [1, 0.99], [-1, -0.99]], [[1.1], [-1.1], [0.9], [-0.9]])
    kept_back = _sums([[1, 0.9], [-1, -0.9]], [[1], [-1]])
    fit = least_squares.best(seen, kept_back)
    np.testing.assert_allclose(fit.change.kernel, [[0.5], [0.5]], atol=0.1)
    assert fit.before == pytest.approx(2) and fit.after < 0.02
