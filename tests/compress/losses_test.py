import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress import losses
from tfedge.data.task import ArraySplit

layers = k.tf_keras.layers


def _head(activation=None, units=3, after=()):
    image = k.tf_keras.Input((4,))
    x = layers.Dense(units, activation=activation, name="head")(image)
    for layer in after:
        x = layer(x)
    return k.tf_keras.Model(image, x)


@pytest.mark.parametrize(
    ("model", "logits"),
    [
        (_head(), True),
        (_head("relu"), True),
        (_head("softmax"), False),
        (_head("sigmoid"), False),
        (_head(after=[layers.Softmax()]), False),
        (_head(after=[layers.Activation("softmax")]), False),
        (_head(after=[tf.nn.softmax]), False),
        (_head("softmax", after=[layers.Reshape((3, 1)), layers.Flatten()]), False),
        (_head(after=[layers.Reshape((3, 1))]), True),
    ],
)
def test_gives_logits(model, logits):
    assert losses.gives_logits(model) == logits


def _task(make_task, y, **fields):
    split = ArraySplit(np.zeros((len(y), 4), np.float32), np.asarray(y))
    return make_task(train=split, validation=split, calibration=split, **fields)


def test_classification_of_logits_and_of_probabilities_is_the_same_number(make_task):
    task, scores = _task(make_task, [2, 0]), np.array([[0.1, 0.2, 1.5], [2.0, -1.0, 0.0]])
    y = np.array([2, 0])
    from_logits = losses.loss_of(task, _head())(y, tf.constant(scores))
    from_softmax = losses.loss_of(task, _head("softmax"))(y, tf.nn.softmax(scores))
    expected = -np.mean(np.log(tf.nn.softmax(scores).numpy()[[0, 1], y]))
    assert float(from_logits) == pytest.approx(expected, abs=1e-6)
    assert float(from_softmax) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_binary_and_multilabel_by_hand(make_task, kind):
    y = np.array([[1, 0]] if kind == "multilabel" else [1])
    outputs = np.array([[0.9, 0.2]] if kind == "multilabel" else [[0.9]])
    expected = np.mean([-np.log(0.9), -np.log(0.8)]) if kind == "multilabel" else -np.log(0.9)
    loss = losses.loss_of(_task(make_task, y, kind=kind), _head("sigmoid", outputs.shape[1]))
    assert float(loss(y, tf.constant(outputs))) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "loss", [None, "mse", "MeanSquaredError", k.tf_keras.losses.MeanSquaredError(), "function"]
)
def test_targets_without_the_last_axis_never_broadcast(make_task, loss):
    chosen = (lambda y, p: tf.square(y - p)) if loss == "function" else loss
    y = np.array([1.0, 2.0, 4.0], np.float32)
    found = losses.loss_of(_task(make_task, y, kind="regression", loss=chosen), _head(units=1))
    assert float(found(tf.constant(y), tf.constant([[1.0], [2.0], [7.0]]))) == pytest.approx(3.0)


def test_segmentation_by_hand(make_task):
    y = np.array([[[0, 1]]])
    outputs = np.array([[[[0.5, 0.5], [0.25, 0.75]]]])
    loss = losses.loss_of(_task(make_task, y, kind="segmentation"), _head("softmax"))
    expected = -(np.log(0.5) + np.log(0.75)) / 2
    assert float(loss(y, tf.constant(outputs))) == pytest.approx(expected, abs=1e-6)


def test_segmentation_by_one_sigmoid_by_hand(make_task):
    loss = losses.loss_of(
        _task(make_task, np.array([[0, 1]]), kind="segmentation"), _head("sigmoid", 1)
    )
    found = float(loss(tf.constant([[0, 1]]), tf.constant([[[0.5], [0.25]]])))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "y", "outputs", "weights", "expected"),
    [
        ("classification", [0, 0, 0, 1], [[0.5, 0.5]] * 4, [2 / 3, 2], 1.0),
        ("classification", [0, 0, 0, 1], [[0.8, 0.2]] * 4, [2 / 3, 2], None),
        ("binary", [0, 0, 0, 1], [[0.2]] * 4, [2 / 3, 2], None),
        ("segmentation", [[0, 0], [0, 1]], [[[0.8, 0.2]] * 2] * 2, [2 / 3, 2], None),
        ("segmentation", [[0, 0], [0, 1]], [[[0.2]] * 2] * 2, [2 / 3, 2], None),
    ],
)
def test_rare_classes_count_more_by_hand(make_task, kind, y, outputs, weights, expected):
    y = np.array(y)
    task = _task(make_task, y, kind=kind, class_weight="balanced")
    head = _head("sigmoid", 1) if np.shape(outputs)[-1] == 1 else _head("softmax", 2)
    found = float(losses.loss_of(task, head)(tf.constant(y), tf.constant(outputs)))
    costs = np.where(y == 1, -np.log(0.2), -np.log(0.8)) if expected is None else np.log(2)
    assert found == pytest.approx((np.array(weights)[y] * costs).mean(), abs=1e-5)


def test_positives_of_a_label_and_examples_count_by_hand(make_task):
    y = np.array([[1, 0], [0, 0], [0, 1], [0, 1]])
    task = _task(make_task, y, kind="multilabel", class_weight="balanced")
    model = _head("sigmoid", 2)
    weigh = losses.weigher(task, ["head"])
    _, weights = weigh(tf.constant(y), tf.constant([0.0, 1.0, 1.0, 2.0]))
    assert weights["head"].numpy().tolist() == [[0, 0], [1, 1], [1, 1], [2, 2]]
    found = losses.loss_of(task, model)(tf.constant(y), tf.fill((4, 2), 0.2), weights)
    expected = -(2 * np.log(0.8) + np.log(0.8) + np.log(0.2) + 2 * np.log(0.8) + 2 * np.log(0.2))
    assert float(found) == pytest.approx(expected / 8, abs=1e-5)
    assert weigh(tf.constant(y))[1]["head"].numpy()[0, 0] == 3


@pytest.mark.parametrize(
    ("kind", "y", "mixed", "outputs", "parts"),
    [
        ("classification", [0, 0, 0, 1], [[0.25, 0.75]], [[0.8, 0.2]], [2 / 3, 2]),
        ("binary", [0, 0, 0, 1], [0.75], [[0.2]], [2 / 3, 2]),
        ("multilabel", [[0], [0], [0], [1]], [[0.75]], [[0.2]], [1, 3]),
    ],
)
def test_mixed_examples_cost_their_parts_with_the_weight_of_each(
    make_task, kind, y, mixed, outputs, parts
):
    task = _task(make_task, np.array(y), kind=kind, class_weight="balanced")
    head = _head("softmax", 2) if kind == "classification" else _head("sigmoid", 1)
    found = losses.loss_of(task, head)(tf.constant(mixed), tf.constant(outputs))
    expected = -0.25 * parts[0] * np.log(0.8) - 0.75 * parts[1] * np.log(0.2)
    assert float(found) == pytest.approx(expected, abs=1e-5)


def test_a_loss_of_one_number_cannot_be_weighted(make_task):
    y = np.array([0, 0, 1])
    own = _task(
        make_task, y, class_weight="balanced", loss=lambda t, p: tf.reduce_mean(tf.square(p))
    )
    with pytest.raises(errors.BadInput, match="one number for a batch"):
        losses.loss_of(own, _head("softmax", 2))(tf.constant(y), tf.fill((3, 2), 0.5))


def test_each_output_is_asked_whether_it_gives_logits(make_task):
    image = k.tf_keras.Input((4,))
    heads = [layers.Dense(2, name="raw")(image), layers.Dense(2, "softmax", name="soft")(image)]
    y = {"raw": np.array([1]), "soft": np.array([0])}
    split = ArraySplit(np.zeros((1, 4), np.float32), y)
    task = make_task(train=split, validation=split, calibration=split)
    scores = tf.constant([[1.0, 3.0]])
    loss = losses.loss_of(task, k.tf_keras.Model(image, heads))
    probabilities = tf.nn.softmax(scores).numpy()[0]
    expected = -np.log(probabilities[1]) - np.log(probabilities[0])
    assert float(loss(y, [scores, tf.nn.softmax(scores)])) == pytest.approx(expected, abs=1e-5)


def test_targets_of_an_output_that_is_not_there_are_refused(make_task):
    split = ArraySplit(np.zeros((2, 4), np.float32), {"tail": np.array([1, 0])})
    task = make_task(train=split, validation=split, calibration=split)
    with pytest.raises(errors.BadInput, match="targets for tail, the model's outputs are head"):
        losses.loss_of(task, _head())


def test_each_output_may_have_a_loss_of_its_own(make_task):
    image = k.tf_keras.Input((4,))
    heads = [layers.Dense(2, "softmax", name="what")(image), layers.Dense(1, name="where")(image)]
    y = {"what": tf.constant([1]), "where": tf.constant([2.0])}
    arrays = {name: target.numpy() for name, target in y.items()}
    split = ArraySplit(np.zeros((1, 4), np.float32), arrays)
    given = {"what": "sparse_categorical_crossentropy", "where": lambda y, p: tf.abs(y - p)}
    task = make_task(train=split, validation=split, calibration=split, kind="custom", loss=given)
    model = k.tf_keras.Model(image, heads)
    outputs = [tf.constant([[0.25, 0.75]]), tf.constant([[5.0]])]
    assert float(losses.loss_of(task, model)(y, outputs)) == pytest.approx(3 - np.log(0.75))
    one = dataclasses.replace(task, loss={"what": "mse"})
    with pytest.raises(errors.BadInput, match="losses for what, targets for what, where"):
        losses.loss_of(one, model)


def test_numbers_in_large_units_do_not_outweigh_the_other_outputs(make_task):
    """Each error counts as a share of its targets' variance: 100 of prices, 1 of counts."""
    image = k.tf_keras.Input((4,))
    names = ("price", "count", "kind")
    heads = [layers.Dense(1, name=name)(image) for name in names[:2]]
    heads.append(layers.Dense(2, "softmax", name="kind")(image))
    model = k.tf_keras.Model(image, heads)
    y = {
        "price": np.array([10.0, 30.0], np.float32),
        "count": np.array([1.0, 3.0], np.float32),
        "kind": np.array([0, 1]),
    }
    split = ArraySplit(np.zeros((2, 4), np.float32), y)
    given = {"price": None, "count": None, "kind": "sparse_categorical_crossentropy"}
    task = make_task(train=split, validation=split, calibration=split, kind="custom", loss=given)
    outputs = [
        tf.constant([[15.0], [35.0]]),
        tf.constant([[2.0], [4.0]]),
        tf.constant([[0.5, 0.5], [0.5, 0.5]]),
    ]
    y = {name: tf.constant(values) for name, values in y.items()}
    found = float(losses.loss_of(task, model)(y, outputs))
    assert found == pytest.approx(25 / 100 + 1 / 1 - np.log(0.5))
    named = dataclasses.replace(task, loss={**given, "price": "mse", "count": "mse"})
    assert float(losses.loss_of(named, model)(y, outputs)) == pytest.approx(26 - np.log(0.5))


@pytest.mark.parametrize(("name", "end"), [("", (2,)), ("both", (2,)), ("", (2, 1))])
def test_columns_in_units_of_their_own_count_alike(make_task, name, end):
    image = k.tf_keras.Input((4,))
    found = layers.Reshape(end, name="both")(layers.Dense(2)(image))
    model = k.tf_keras.Model(image, found)
    y = np.array([[10.0, 1.0], [30.0, 3.0]], np.float32) * np.array([100, 1], np.float32)
    split = ArraySplit(np.zeros((2, 4), np.float32), {name: y} if name else y)
    task = make_task(train=split, validation=split, calibration=split, kind="regression")
    wrong = tf.constant(y + np.array([500.0, 1.0], np.float32))  # half a spread, and a whole one
    targets = {name: tf.constant(y)} if name else tf.constant(y)
    found = float(losses.loss_of(task, model)(targets, tf.reshape(wrong, (-1, *end))))
    assert found == pytest.approx((0.25 + 1) / 2)


def test_a_loss_that_keras_does_not_know_is_refused(make_task):
    with pytest.raises(errors.BadInput, match="the loss 'nonsense' is not one of Keras"):
        losses.loss_of(_task(make_task, [1], loss="nonsense"), _head())


def test_a_custom_task_needs_a_loss(make_task):
    with pytest.raises(errors.BadInput, match="kind 'custom' has no loss"):
        losses.loss_of(_task(make_task, [1.0], kind="custom"), _head())


def test_shares_of_classes_are_targets_too(make_task):
    """A mixed example's; the model has a class that never occurs."""
    scores, shares = tf.constant([[0.1, 0.2, 1.5]]), tf.constant([[0.3, 0.7]])
    found = losses.loss_of(_task(make_task, [0, 1]), _head())(shares, scores)
    logs = tf.nn.log_softmax(scores).numpy()[0]
    assert float(found) == pytest.approx(-0.3 * logs[0] - 0.7 * logs[1], abs=1e-6)


def _tagger():
    steps = k.tf_keras.Input((2, 4))
    return k.tf_keras.Model(steps, layers.Dense(3, "softmax", name="tags")(steps))


def _tagged(make_task, y, **fields):
    split = ArraySplit(np.zeros((len(y), 2, 4), np.float32), np.asarray(y))
    return make_task(kind="tokens", train=split, validation=split, calibration=split, **fields)


@pytest.mark.parametrize(
    ("weights", "expected"), [(None, [1, 1, 1]), ({0: 1, 1: 4}, [2, 0.5, 0.5])]
)
def test_steps_without_a_label_are_not_learned(make_task, weights, expected):
    y = np.array([[1, -1], [0, 0]])
    task = _tagged(make_task, y, class_weight=weights)
    outputs = np.full((2, 2, 3), 0.25, np.float32)
    outputs[..., 1], outputs[0, 1] = 0.5, [0, 0, 1]
    nats = np.log([2, 4, 4])  # of the three that count
    loss = losses.loss_of(task, _tagger())
    assert float(loss(y, tf.constant(outputs))) == pytest.approx(np.mean(nats * expected))
    changed = outputs.copy()
    changed[0, 1] = [1 / 3] * 3
    assert float(loss(y, tf.constant(changed))) == float(loss(y, tf.constant(outputs)))


def test_what_a_step_without_a_label_weighs_is_what_a_teacher_is_not_heard_about(make_task):
    y = np.array([[1, -1], [0, 0]])
    _, weights = losses.weigher(_tagged(make_task, y), ["tags"])(
        tf.constant(y), tf.constant([1, 3])
    )
    np.testing.assert_allclose(weights["tags"], [[4 / 3, 0], [4, 4]], rtol=1e-6)
