import numpy as np
import pytest

from tfedge.data.scoring import calibration_error


def test_a_model_that_is_right_as_often_as_it_says():
    outputs = np.tile([0.8, 0.2], (10, 1))
    assert calibration_error.expected(outputs, np.array([0] * 8 + [1] * 2)) == pytest.approx(0)


def test_a_model_that_is_too_sure():
    outputs = np.tile([0.9, 0.1], (10, 1))
    assert calibration_error.expected(outputs, np.array([0, 1] * 5)) == pytest.approx(0.4)


def test_logits_are_turned_into_probabilities():
    logits = np.log(np.tile([0.8, 0.2], (10, 1))) + 3
    wanted = np.array([0] * 8 + [1] * 2)
    assert calibration_error.expected(logits, wanted, logits=True) == pytest.approx(0, abs=1e-9)


def test_one_probability_speaks_for_two_classes():
    yes, wanted = np.full((10, 1), 0.2), np.array([0] * 8 + [1] * 2)
    assert calibration_error.of_yes_or_no(yes, wanted) == pytest.approx(0)
    assert calibration_error.of_yes_or_no(yes, 1 - wanted) == pytest.approx(0.6)
    logits = np.log(yes / (1 - yes))[:, 0]
    assert calibration_error.of_yes_or_no(logits, wanted, logits=True) == pytest.approx(0, abs=1e-9)


def test_other_outputs_have_none():
    assert calibration_error.expected(np.zeros((3, 4, 2)), np.zeros((3, 4))) is None


def test_outputs_that_are_no_numbers_have_none():
    for broken in (np.nan, np.inf):
        outputs = np.array([[0.2, 0.8], [broken, 1.0]])
        with np.errstate(invalid="raise"):
            for logits in (False, True):
                assert calibration_error.expected(outputs, np.array([1, 1]), logits) is None
