import numpy as np
import pytest

from tfedge.search import trend

NONE = np.array([])


def test_without_trainings_it_is_what_is_usual_and_unsure():
    slack, sd = trend.fit(NONE, NONE, NONE).predict(np.array([0.0, 1.0, 2.0]), np.zeros(3))
    np.testing.assert_allclose(slack, [0.5, 0.2, -0.7])
    # sqrt(.3^2 + (.25 x^2)^2 + .4^2)
    np.testing.assert_allclose(sd, np.sqrt([0.25, 0.3125, 1.25]))


def test_less_training_loses_more_of_what_is_smaller():
    slack, _ = trend.fit(NONE, NONE, NONE).predict(np.array([0.0, 1.0]), np.full(2, np.log(12)))
    np.testing.assert_allclose(slack, [0.5, 0.2 - 0.8 * np.log(12)])


def test_a_network_with_much_to_spare_is_known_by_few_trainings():
    shrunk = np.array([1.0, 2.0])
    slack, sd = trend.fit(shrunk, np.zeros(2), np.array([0.6, 0.4])).predict(
        np.array([2.5]), np.zeros(1)
    )
    assert slack[0] == pytest.approx(0.0, abs=0.4) and sd[0] < 1
