"""What a training with a teacher costs and counts; see also passes/distill_test.py."""

import dataclasses

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress import teaching
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.training import finetune
from tfedge.data.task import ArraySplit

layers = k.tf_keras.layers


def _network(penalty=0.0, names=("one", "two")):
    k.tf_keras.utils.set_random_seed(2)
    inputs = {name: k.tf_keras.Input((4,), name=name) for name in names}
    x = layers.Concatenate()([inputs["one"], 2 * inputs["two"]])
    regularizer = k.tf_keras.regularizers.L2(penalty) if penalty else None
    x = layers.Dense(4, "relu", kernel_regularizer=regularizer, name="hidden")(x)
    x = layers.ActivityRegularization(penalty, name="watched")(x)
    heads = [layers.Dense(2, name="left")(x), layers.Dense(3, "softmax", name="right")(x)]
    return k.tf_keras.Model(list(inputs.values()), heads)


def _task(make_task, **fields):
    generator = np.random.default_rng(0)
    x = {name: generator.normal(size=(64, 4)).astype(np.float32) for name in ("one", "two")}
    y = {"left": (x["one"][:, 0] > 0).astype(int), "right": np.arange(64) % 3}
    split = ArraySplit(x, y)
    return make_task(train=split, validation=split, calibration=split, **fields)


def test_several_inputs_and_outputs_whatever_their_order(make_task, monkeypatch):
    task, network = _task(make_task), _network()
    other = _network(names=("two", "one"))
    other.set_weights(network.get_weights())
    kept = teaching.Lessons(Teacher(other), network, task).kept
    assert [answer.shape for answer in kept] == [(64, 2), (64, 3)]
    expected = network([task.train.x["one"], task.train.x["two"]])
    np.testing.assert_allclose(kept[0], expected[0], atol=1e-5)
    np.testing.assert_allclose(np.exp(kept[1]), expected[1], atol=1e-5)
    monkeypatch.setattr(teaching, "_MOST_KEPT_BYTES", 10)  # too many to keep: asked in each step
    candidate = Candidate(network, teacher=Teacher(other, weight=1.0))
    _, history = finetune.finetune(candidate, task, finetune.Plan(1, 1e-3), "t")
    assert history[0]["loss"] < 1e-3


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_a_models_own_penalties_count_with_a_teacher_too(penalty, make_task):
    """The teacher's share is so small that both trainings are the same."""
    task, alone = _task(make_task), Candidate(_network(penalty))
    taught = dataclasses.replace(alone, teacher=Teacher(_network(), weight=1e-9))
    found = [
        finetune.finetune(each, task, finetune.Plan(2, 1e-2), "t")[0].model.get_weights()
        for each in (alone, taught)
    ]
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_answers_are_asked_again_for_other_examples_or_questions(make_task):
    task, teacher = _task(make_task), Teacher(_network())
    first = teaching.Lessons(teacher, _network(), task).kept
    assert teaching.Lessons(teacher, _network(), task).kept is first
    half = dataclasses.replace(task, train=task.train.take(np.arange(32)))
    assert len(teaching.Lessons(teacher, _network(), half).kept[0]) == 32
    more = dataclasses.replace(teacher, methods=("logits", "features"))
    assert len(teaching.Lessons(more, _network(), task).kept) == 3


def test_a_teachers_images_of_features_come_in_the_students_size():
    features = np.random.default_rng(0).random((2, 4, 4, 3), np.float32)
    small = np.asarray(teaching._resized(k.tf.constant(features), np.zeros((2, 2, 2, 5))))
    expected = k.tf.image.resize(features, (2, 2), antialias=True)
    np.testing.assert_array_equal(small, expected)
    for shape in ((2, 4, 4, 3), (2, 3), (2, 5, 3)):
        same = k.tf.zeros(shape)
        assert teaching._resized(same, np.zeros((2, 4, 4, 5))) is same
