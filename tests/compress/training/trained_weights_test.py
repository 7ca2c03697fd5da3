import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.compress.training import trained_weights
from tfedge.data.task import ArraySplit, Task


def _knowing(weight):
    """The exact answers of a yes with odds 1:9 that is `weight` times as frequent in training.

    Evidence x multiplies the odds by e^x.
    """
    number = k.tf_keras.Input((1,))
    model = k.tf_keras.Model(number, k.tf_keras.layers.Dense(1, "sigmoid", name="yes")(number))
    model.set_weights([np.ones((1, 1)), np.array([np.log(weight / 9)])])
    return model


@pytest.fixture
def made_task():
    rng = np.random.default_rng(0)
    x = rng.normal(scale=1.5, size=(4000, 1)).astype(np.float32)
    y = (rng.random(4000) < 1 / (1 + 9 * np.exp(-x[:, 0]))).astype(int)
    split = ArraySplit(x, y)
    return lambda **fields: Task("toy", "binary", split, split, split, **fields)


def test_weights_that_a_model_was_trained_with_are_found(made_task):
    found = trained_weights.resolved(made_task(), _knowing(8)).class_weight
    assert found["1"] / found["0"] == pytest.approx(8, rel=0.15)


def test_a_model_that_answers_as_often_as_labels_occur_has_none(made_task):
    task = made_task()
    assert trained_weights.resolved(task, _knowing(1)) is task


def test_a_model_that_forgets_the_rare_class_was_not_told_to(made_task):
    task = made_task()
    assert trained_weights.resolved(task, _knowing(1 / 8)) is task


def test_answers_that_smoothed_labels_keep_from_being_sure_are_no_weights():
    rng = np.random.default_rng(1)
    x = rng.normal(scale=4, size=(4000, 1)).astype(np.float32)
    y = (rng.random(4000) < 1 / (1 + np.exp(8 - x[:, 0]))).astype(int)
    split = ArraySplit(x, y)
    number = k.tf_keras.Input((1,))
    logit = k.tf_keras.layers.ReLU(max_value=6)(k.tf_keras.layers.Dense(1)(number))
    model = k.tf_keras.Model(number, k.tf_keras.layers.Dense(1, "sigmoid")(logit))
    model.set_weights([np.ones((1, 1)), np.array([-5.0]), np.ones((1, 1)), np.array([-3.0])])
    assert model.predict(x, verbose=0).mean() > 2 * y.mean()
    task = Task("toy", "binary", split, split, split)
    assert trained_weights.resolved(task, model) is task


def test_a_model_that_has_hardly_begun_to_learn_has_none(made_task):
    model = _knowing(9)
    model.set_weights([np.full((1, 1), 0.1), np.zeros(1)])
    task = made_task()
    assert trained_weights.resolved(task, model) is task


@pytest.mark.parametrize("fields", [{"class_weight": "none"}, {"loss": "mse"}])
def test_none_are_looked_for_where_the_task_says_how_to_train(made_task, fields):
    task = made_task(**fields)
    assert trained_weights.resolved(task, _knowing(8)) is task


def test_a_recipe_trains_with_them_and_says_which(made_task):
    recipe = Recipe.parse("prune(final_sparsity=0.1, epochs=1, learning_rate=0.1)")
    candidate = recipe.apply(_knowing(8), made_task())
    assert set(candidate.class_weight) == {"0", "1"}
    assert "validation_weighted_accuracy" in candidate.reports[0].history[0]
    plain = recipe.apply(_knowing(8), made_task(class_weight="none"))
    assert plain.class_weight == {}
    mean = {
        name: each.model.predict(made_task().train.x, verbose=0).mean()
        for name, each in (("weighted", candidate), ("plain", plain))
    }
    assert mean["weighted"] > mean["plain"] + 0.05
