import numpy as np
import pytest

from tfedge.compress.integers import centroids

WEIGHTS = np.random.default_rng(0).normal(size=400) * 40


@pytest.mark.parametrize("initialization", centroids.INITIALIZATIONS)
@pytest.mark.parametrize("count", [2, 3, 16, 200])
def test_first_centroids_hold_the_zero_and_are_no_more_than_asked(initialization, count):
    found = centroids.initial(WEIGHTS, count, initialization, seed=1)
    assert 0.0 in found
    assert len(found) <= count
    assert np.all(np.diff(found) > 0)


@pytest.mark.parametrize("initialization", centroids.INITIALIZATIONS)
def test_a_channel_without_weights_has_the_zero_only(initialization):
    found = centroids.initial(np.zeros(0), 8, initialization, seed=1)
    np.testing.assert_array_equal(found, [0.0])


@pytest.mark.parametrize("initialization", centroids.INITIALIZATIONS)
def test_one_and_the_same_weight_is_met(initialization):
    weights = np.full(5, 3.0)
    levels = centroids.refit(weights, centroids.initial(weights, 4, initialization, seed=1))
    assert 0.0 in levels
    assert np.abs(levels - 3.0).min() < 1e-6


def test_initialization_by_hand():
    weights = np.array([-8.0, -4.0, 4.0, 8.0])
    np.testing.assert_allclose(centroids.initial(weights, 4, "linear", 0), [-8, 0, 8])
    np.testing.assert_allclose(
        centroids.initial(weights, 3, "density_based", 0),
        np.sort([0, *np.quantile(weights, [0.25, 0.75])]),
    )


def test_the_same_seed_draws_the_same():
    for initialization in ("kmeans++", "random"):
        first = centroids.initial(WEIGHTS, 9, initialization, seed=5)
        np.testing.assert_array_equal(first, centroids.initial(WEIGHTS, 9, initialization, seed=5))
        assert not np.array_equal(first, centroids.initial(WEIGHTS, 9, initialization, seed=6))


def test_refit_never_moves_the_zero_and_lowers_the_error():
    start = centroids.initial(WEIGHTS, 6, "linear", seed=0)
    refitted = centroids.refit(WEIGHTS, start)

    def error(levels):
        return np.square(WEIGHTS[:, None] - levels[None]).min(axis=1).sum()

    assert np.count_nonzero(refitted == 0.0) == 1
    assert error(refitted) < error(start)


def test_refit_by_hand():
    # Weights 9 and 11 belong to 8, -3 to the zero, which stays.
    np.testing.assert_allclose(
        centroids.refit(np.array([-3.0, 9.0, 11.0]), np.array([-20.0, 0.0, 8.0])), [-20, 0, 10]
    )


def test_whole_levels_are_distinct_codes_with_a_zero_behind():
    np.testing.assert_array_equal(
        centroids.whole(np.array([-300.0, -1.2, -0.9, 0.0, 5.5]), 6), [-127, -1, 0, 6, 0, 0]
    )


def test_refit_is_lloyds_algorithm_to_a_fraction_of_a_code():
    levels = start = np.array([-60.0, -20.0, 0.0, 20.0, 60.0])
    for _ in range(20):
        nearest = np.abs(WEIGHTS[:, None] - levels[None]).argmin(axis=1)
        levels = np.array([WEIGHTS[nearest == level].mean() for level in range(5)])
        levels[2] = 0.0
    np.testing.assert_allclose(centroids.refit(WEIGHTS, start), levels, atol=0.25)
