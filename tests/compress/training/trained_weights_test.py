import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.compress.training import trained_weights
from tfedge.data import kinds
from tfedge.data.task import ArraySplit, BatchSplit, Task


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


def test_a_streams_labels_may_be_floats(made_task):
    """As tf.data pipelines often have them; nothing turns them into class numbers."""
    task = made_task()
    x, y = task.train.x, task.train.y.astype(np.float32)
    parts = [slice(start, start + 500) for start in range(0, 4000, 500)]
    stream = BatchSplit(lambda: ((x[part], y[part]) for part in parts))
    streamed = Task("toy", "binary", stream, stream, stream)
    found = trained_weights.resolved(streamed, _knowing(8)).class_weight
    assert found["1"] / found["0"] == pytest.approx(8, rel=0.15)
    recipe = Recipe.parse("prune(final_sparsity=0.1, epochs=1)")
    assert recipe.apply(_knowing(8), streamed).class_weight == found


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


def test_implied_weights_bring_mean_answers_to_the_shares_of_the_labels():
    """Answers that say the second class twice as often as it occurs, evidence being none."""
    given = np.tile([0.6, 0.4], (10, 1))
    found = trained_weights.implied(given, np.array([0.75, 0.25]))
    assert found[1] / found[0] == pytest.approx((0.4 / 0.6) / (0.25 / 0.75))
    assert found @ [0.75, 0.25] == pytest.approx(1)


def test_implied_weights_are_bounded():
    """At most 100 times as far apart as the balanced ones, 3: by the root of 300 either way."""
    given = np.tile([1e-9, 1 - 1e-9], (10, 1))
    found = trained_weights.implied(given, np.array([0.75, 0.25]))
    assert found[1] / found[0] == pytest.approx(300, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "outputs", "logits", "expected"),
    [
        ("classification", [[0.2, 0.8]], False, [[0.2, 0.8]]),
        ("classification", [[0.0, np.log(3)]], True, [[0.25, 0.75]]),
        ("binary", [[0.3]], False, [[0.7, 0.3]]),
        ("binary", [[np.log(3)]], True, [[0.25, 0.75]]),
        ("multilabel", [[0.2, 0.9]], False, [[0.2, 0.9]]),
        ("multilabel", [[0.0, np.log(3)]], True, [[0.5, 0.75]]),
    ],
)
def test_outputs_are_read_as_probabilities(kind, outputs, logits, expected):
    found = trained_weights._probabilities(np.array(outputs), kinds.named(kind), logits)
    np.testing.assert_allclose(found, expected)


def test_likelihood_and_entropy_by_hand():
    scores, labels = np.array([[1.0, 3.0], [1.0, 1.0]]), np.array([1, 0])
    expected = (np.log(0.75) + np.log(0.5)) / 2
    assert trained_weights._likelihood(scores, labels) == pytest.approx(expected)
    assert trained_weights._entropy(np.array([1, 3])) == pytest.approx(
        -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    )
    assert trained_weights._entropy(np.array([0.0, 5.0])) == 0


def _labels(*counts):
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize(
    ("kind", "y", "is_imbalanced"),
    [
        ("classification", _labels(20, 30), False),
        ("classification", _labels(20, 31), True),
        ("classification", _labels(20, 0, 30), False),  # a class that is not there is not rare
        ("multilabel", np.array([[0, 1], [1, 0]]), True),
    ],
)
def test_classes_are_uneven_from_three_to_two_on(kind, y, is_imbalanced):
    split = ArraySplit(np.zeros((len(y), 1), np.float32), y)
    task = Task("toy", kind, split, split, split)
    assert trained_weights._are_imbalanced(task, {"": y}) is is_imbalanced


def _answers(labels, weight, n=4000):
    """Exact answers of class 1, a tenth of all, in a training that weighed it so."""
    rng = np.random.default_rng(2)
    evidence = rng.normal(scale=2.5, size=n)
    truth = (rng.random(n) < 1 / (1 + 9 * np.exp(-evidence))).astype(int)
    yes = 1 / (1 + 9 / weight * np.exp(-evidence))
    return np.stack([1 - yes, yes], axis=1), truth + labels


def test_weights_of_classes_that_are_there():
    """Class 0 of three never occurs and stays at 1."""
    given, labels = _answers(1, 6)
    found = trained_weights._of_classes(np.insert(given, 0, 0.0, axis=1), labels)
    assert found[0] == 1 and found[2] / found[1] == pytest.approx(6, rel=0.2)
    places = trained_weights._of_classes(given.reshape(400, 10, 2), labels.reshape(400, 10) - 1)
    assert places[1] / places[0] == pytest.approx(found[2] / found[1])
    assert trained_weights._of_classes(given, np.zeros(4000, int)) is None
    given[7] = np.nan
    assert trained_weights._of_classes(given, labels - 1) is None


@pytest.mark.parametrize(("weight", "is_told"), [(2, False), (3.5, True)])
def test_weights_worth_telling_are_two_and_a_half_apart(weight, is_told):
    assert (trained_weights._of_classes(*_answers(0, weight)) is not None) is is_told


def test_few_examples_tell_nothing_however_many_places_they_have():
    given, labels = _answers(0, 6)
    weights = np.array([1.0, 6.0])
    assert trained_weights._are_told(given, labels, weights, 4000)
    assert not trained_weights._are_told(given, labels, weights, 40)


def test_each_label_of_several_has_weights_of_its_own():
    given, labels = _answers(0, 6)
    plain, others = _answers(0, 1)
    kind = kinds.named("multilabel")
    both = np.stack([plain[:, 1], given[:, 1]], axis=1)
    found = trained_weights._of_output(both, np.stack([others, labels], axis=1), kind)
    assert found[0] == 1 and found[1] == pytest.approx(6, rel=0.2)
    same = np.stack([others, others], axis=1)
    assert trained_weights._of_output(plain[:, [1, 1]], same, kind) is None
