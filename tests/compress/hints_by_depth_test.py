"""Hidden states and attention maps of two transformers of other depth, width and heads."""

import keras
import numpy as np
import pytest

from tfedge.compress import bridge, folding, teaching
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.passes import distill
from tfedge.compress.teaching import hints
from tfedge.compress.training import finetune

L = keras.layers


def _transformer(blocks, width, heads, seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((6, 6, 1), name="image")
    x = L.Reshape((9, width))(L.Conv2D(width, 2, 2, name="patches")(image))
    for number in range(blocks):
        normed = L.LayerNormalization()(x)
        attention = L.MultiHeadAttention(heads, 2, name=f"attention{number}")
        x = L.Add(name=f"seen{number}")([x, attention(normed, normed)])
        x = L.Add(name=f"fed{number}")([x, L.Dense(width, name=f"feed{number}")(x)])
    x = L.GlobalAveragePooling1D()(x)
    out = L.Dense(3, activation="softmax", name="out")(x)
    return folding.flatten(bridge.to_tf_keras(keras.Model(image, out)))


@pytest.fixture(scope="module")
def teacher():
    return _transformer(3, 8, 2)


@pytest.fixture(scope="module")
def student():
    return _transformer(1, 4, 1, seed=1)


def _pairs(method, student, teacher, told=None):
    return hints.chosen(student, teacher, told or {}, hints.KINDS[method])


def test_layers_of_the_same_relative_depth_are_paired(student, teacher):
    pairs, _ = _pairs("hidden_states", student, teacher)
    assert pairs == (("seen0", "seen1"), ("fed0", "fed2"))
    pairs, _ = _pairs("attention_maps", student, teacher)
    assert pairs == (("attention0.softmax", "attention2.softmax"),)
    pairs, _ = _pairs("attention_maps", teacher, student)
    assert [shown for _, shown in pairs] == 3 * ["attention0.softmax"]


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("fed0", "attention0.softmax"), "fed0 of the student gives no attention map"),
        (("attention0.softmax", "out"), "out of the teacher gives no attention map"),
        (("attention0.softmax", "attention1.softmax"), ""),
    ],
)
def test_maps_fit_maps_of_any_number_of_heads(pair, said, student, teacher):
    _, reasons = _pairs("attention_maps", student, teacher, dict([pair]))
    assert reasons == ({": ".join(pair): said} if said else {})


def test_maps_of_other_places_do_not_fit(student):
    x = k.tf_keras.Input((9, 4))
    scores = k.tf_keras.layers.Softmax(name="wide")(k.tf_keras.layers.Dense(5)(x))
    other = k.tf_keras.Model(x, k.tf_keras.layers.Dense(3)(scores))
    _, reasons = _pairs("attention_maps", student, other)
    said = "attention0.softmax gives (1, 9, 9), wide gives (9, 5)"
    assert reasons == {"attention0.softmax: wide": said}


def _losses(method, student, teacher, task):
    lessons = teaching.Lessons(Teacher(teacher, (method,), weight=1.0), student, task)
    x = task.train.x[:4]
    answers = lessons.answers(x)
    _, taken = lessons.attend(x)
    return [
        float(lesson.loss(answer, tensor, None))
        for lesson, answer, tensor in zip(lessons._lessons, answers, taken, strict=True)
    ]


def test_a_student_that_is_its_teacher_has_nothing_to_learn(teacher, task):
    for method in ("hidden_states", "attention_maps"):
        found = _losses(method, teacher, teacher, task)
        assert len(found) == (6 if method == "hidden_states" else 3) and max(found) < 1e-6


def test_maps_of_more_heads_are_compared_on_average(student, teacher, task):
    x = task.train.x[:4]
    both = [
        np.asarray(k.tf_keras.Model(m.inputs, m.get_layer(name).output)(x))
        for m, name in ((teacher, "attention2.softmax"), (student, "attention0.softmax"))
    ]
    wanted, found = (maps.mean(axis=1) for maps in both)
    expected = (wanted * np.log(wanted / found)).sum(axis=-1).mean()
    (loss,) = _losses("attention_maps", student, teacher, task)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_it_is_learned_and_reported(student, teacher, task, tmp_path):
    methods = ("hidden_states", "attention_maps")
    given = Teacher(teacher, methods, weight=1.0)
    found, history = finetune.finetune(
        Candidate(student, teacher=given), task, finetune.Plan(8, 2e-2), "t"
    )
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert len(found.model.layers) == len(student.layers)
    report = distill.Distill(method=methods)(Candidate(teacher), task).reports[-1]
    assert report.notes["hidden_states"][1] == ["fed0", "fed0"]
    assert report.notes["attention_maps"][2] == ["attention2.softmax", "attention2.softmax"]
