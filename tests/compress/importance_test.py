import numpy as np
import pytest

from tfedge.compress import channels
from tfedge.compress import keras as k
from tfedge.compress.channels import importance
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


@pytest.fixture
def chain():
    """Four channels: [dead, always on, strong, weak] of one input; the output reads each."""
    image = k.tf_keras.Input((2, 2, 1))
    x = layers.Conv2D(4, 1, activation="relu", name="make")(image)
    x = layers.GlobalAveragePooling2D()(x)
    model = k.tf_keras.Model(image, layers.Dense(2, name="read")(x))
    kernel = np.array([0.0, 0.0, 2.0, 0.5], np.float32).reshape(1, 1, 1, 4)
    model.get_layer("make").set_weights([kernel, np.array([-1.0, 1.0, 0.0, 0.0])])
    readers = np.array([[1, -1], [1, -1], [2, -2], [1, -1]], np.float32)
    model.get_layer("read").set_weights([readers, np.zeros(2)])
    return model


@pytest.fixture
def numbers():
    """Constant images of 0..1; the larger half is class 1."""
    values = np.linspace(0, 1, 40, dtype=np.float32)
    split = ArraySplit(
        np.tile(values[:, None, None, None], (1, 2, 2, 1)), (values > 0.5).astype(int)
    )
    return Task("numbers", "classification", split, split, split, seed=5)


def _scores(criterion, model, task):
    found = channels.analyse(model)
    return importance.scores(criterion, model, found, task)[found.sources["make"]]


def test_norms_multiply_along_the_way_and_are_zero_for_a_dead_channel(chain, numbers):
    for criterion in ("l1", "l2"):
        found = _scores(criterion, chain, numbers)
        # made by 0, 0, 2, 0.5 (mean 0.625), read by 1, 1, 2, 1 (mean 1.25)
        expected = np.sqrt(np.array([0, 0, 2, 0.5]) / 0.625 * np.array([1, 1, 2, 1]) / 1.25)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_fpgm_is_the_distance_to_all_other_filters(chain, numbers):
    found = _scores("fpgm", chain, numbers)
    distances = np.array([0 + 2 + 0.5, 2.5, 2 + 2 + 1.5, 0.5 + 0.5 + 1.5])
    np.testing.assert_allclose(found, distances / distances.mean(), rtol=1e-5)


def test_activation_is_mean_magnitude_times_share_of_what_is_not_zero(chain, numbers):
    found = _scores("activation", chain, numbers)
    expected = np.array([0, 1, 1.0 * 39 / 40, 0.25 * 39 / 40])
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-5)


def test_entropy_is_zero_for_what_never_changes(chain, numbers):
    found = _scores("entropy", chain, numbers)
    assert found[0] == found[1] == 0
    np.testing.assert_allclose(found[2], found[3], rtol=1e-3)


def test_taylor_is_gradient_times_activation(chain, numbers):
    found = _scores("taylor", chain, numbers)
    x = numbers.calibration.x[:, 0, 0, 0].astype(float)
    made = np.stack([0 * x, 0 * x + 1, 2 * x, 0.5 * x], axis=1)
    readers = np.array([1.0, 1, 2, 1])
    # d loss / d activation = +-reader * (what is missing to certainty), twice: two logits
    logit = made @ (2 * readers)
    missing = 1 / (1 + np.exp(logit)) - numbers.calibration.y
    expected = np.abs(made * readers * 2 * missing[:, None]).mean(axis=0)
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-4)


def test_taylor_sees_the_columns_of_an_input():
    table = k.tf_keras.Input((3,), name="table")
    model = k.tf_keras.Model(table, layers.Dense(1, use_bias=False, name="read")(table))
    model.get_layer("read").set_weights([np.array([[1.0], [2.0], [0.0]], np.float32)])
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    split = ArraySplit(x, x[:, 2])
    task = Task("table", "regression", split, split, split)
    found = channels.analyse(model, inputs=True)
    scores = importance.scores("taylor", model, found, task)[found.sources["table"]]
    missing = x[:, 0] + 2 * x[:, 1] - x[:, 2]
    expected = np.abs(x * [1.0, 2.0, 0.0] * 2 * missing[:, None]).mean(axis=0)
    np.testing.assert_allclose(scores, expected / expected.mean(), rtol=1e-4)


def test_random_follows_the_seed(chain, numbers):
    one, two = _scores("random", chain, numbers), _scores("random", chain, numbers)
    np.testing.assert_array_equal(one, two)
    assert len(set(one)) == 4


@pytest.mark.parametrize("criterion", importance.CRITERIA)
def test_every_criterion_scores_every_unit_of_a_real_chain(network, task, criterion):
    found = channels.analyse(network)
    scores = importance.scores(criterion, network, found, task)
    assert scores.shape == (found.count,)
    assert np.isfinite(scores).all() and (scores >= 0).all()


def test_kernels_of_every_kind_have_their_part(randomised):
    clip, words = k.tf_keras.Input((4, 4, 4, 2)), k.tf_keras.Input((5,))
    x = layers.Conv3DTranspose(4, 2, name="grow")(layers.Conv3D(4, 2, name="clip")(clip))
    x = layers.Dense(4, name="flat")(layers.Flatten()(layers.PReLU()(x)))
    y = layers.DepthwiseConv1D(2, name="pass")(layers.Embedding(9, 4, name="words")(words))
    y = layers.Concatenate()([x, layers.Flatten()(y)])
    model = randomised(k.tf_keras.Model([clip, words], layers.Dense(2, name="out")(y)))
    found = channels.analyse(model)
    roles = {(each.role, each.layer) for each in importance.places(found)}
    assert {role for role, layer in roles if layer == "pass"} == {"pass"}
    assert {layer for role, layer in roles if role == "make"} == {
        *("clip", "grow", "flat", "words", "out")
    }
    assert {layer for role, layer in roles if role == "read"} == {"grow", "flat", "out"}
