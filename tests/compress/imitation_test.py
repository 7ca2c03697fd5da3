import numpy as np
import pytest
import tensorflow as tf

from tfedge.compress.teaching import imitation
from tfedge.data.answers import Answers

SCORES = tf.constant([[0.3, -1.0, 2.0], [1.0, 0.0, 0.5]])


@pytest.mark.parametrize("independent", [False, True])
def test_softened_answers_by_hand(independent):
    found = imitation.divergence(SCORES, -SCORES, 3.0, independent)
    wanted, given = SCORES.numpy() / 3, -SCORES.numpy() / 3
    if independent:
        yes, guess = 1 / (1 + np.exp(-wanted)), 1 / (1 + np.exp(-given))
        expected = np.mean(yes * np.log(yes / guess) + (1 - yes) * np.log((1 - yes) / (1 - guess)))
    else:
        yes, guess = tf.nn.softmax(wanted).numpy(), tf.nn.softmax(given).numpy()
        expected = np.mean(np.sum(yes * np.log(yes / guess), axis=-1))
    assert float(found) == pytest.approx(9 * expected, rel=1e-4)
    assert float(imitation.divergence(SCORES, SCORES, 3.0, independent)) == pytest.approx(
        0, abs=1e-6
    )


def test_probabilities_and_logits_are_the_same_answers():
    soft = imitation.scores(tf.nn.softmax(SCORES), Answers.ONE_OF_MANY, logits=False)
    assert float(imitation.divergence(SCORES, soft, 2.0, False)) == pytest.approx(0, abs=1e-6)
    assert float(imitation.squared_error(SCORES, soft, True)) == pytest.approx(0, abs=1e-6)
    yes = imitation.scores(tf.sigmoid(SCORES), Answers.YES_OR_NO, logits=False)
    np.testing.assert_allclose(yes, SCORES, atol=1e-5)


def test_values_of_a_regression_are_compared_as_they_are():
    values = imitation.scores(tf.constant([[1.0], [3.0]]), Answers.VALUES, logits=False)
    assert float(imitation.squared_error(tf.constant([[1.0], [1.0]]), values, False)) == 2.0


def test_feature_error_is_a_share_of_the_teachers_square():
    features = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
    assert float(imitation.feature_error(features, features)) == 0
    assert float(imitation.feature_error(features, 0 * features)) == pytest.approx(1, abs=1e-5)


def test_attention_is_where_features_are_strong_whatever_their_number():
    one = tf.constant([[[[3.0], [0.0]], [[0.0], [4.0]]]])
    found = imitation.attention(one)
    np.testing.assert_allclose(found[0] ** 2, np.array([81, 0, 0, 256]) / 337, rtol=1e-5)
    two = tf.concat([one, one], axis=-1)
    assert float(imitation.attention_error(found, imitation.attention(two))) < 1e-10
    other = imitation.attention(tf.constant([[[[0.0], [1.0]], [[1.0], [0.0]]]]))
    assert float(imitation.attention_error(found, other)) == pytest.approx(2)


def test_maps_that_are_the_same_are_not_apart():
    wanted = np.array([[[0.5, 0.5], [1.0, 0.0]]], np.float32)
    found = np.array([[[0.25, 0.75], [1.0, 0.0]]], np.float32)
    assert imitation.map_divergence(wanted, wanted) == 0.0
    expected = (0.5 * np.log(2) + 0.5 * np.log(2 / 3)) / 2  # the second row is the same
    np.testing.assert_allclose(imitation.map_divergence(wanted, found), expected, rtol=1e-5)
