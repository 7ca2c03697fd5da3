import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress import recipe
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.graph import residual
from tfedge.compress.passes.transfer import Transfer
from tfedge.compress.recipe import Recipe
from tfedge.compress.teaching import students

layers = k.tf_keras.layers
NETWORK = """
import tf_keras
def build(width=4, classes=3):
    image = x = tf_keras.Input((6, 6, 1))
    x = tf_keras.layers.Conv2D(width, 3, activation="relu")(x)
    x = tf_keras.layers.GlobalAveragePooling2D()(x)
    return tf_keras.Model(image, tf_keras.layers.Dense(classes, activation="softmax")(x))
def four():
    return build(classes=4)
def nothing():
    return 3
"""


@pytest.fixture
def address(tmp_path):
    (tmp_path / "network.py").write_text(NETWORK)
    return f"py:{tmp_path}/network.py"


def test_half_the_width_learns_from_the_model_it_was(network, task):
    done = Transfer(epochs=6, learning_rate=2e-2)(Candidate(network), task)
    report, model = done.reports[-1], done.model
    assert model.get_layer("stem").filters == 2 and model.get_layer("pointwise").filters == 4
    assert report.history[-1]["validation_accuracy"] > 0.6
    assert report.touched == ("stem", "depthwise", "pointwise", "classes")
    assert report.notes["trained_from_scratch"] == []
    assert done.teacher.model is network and done.teacher.methods == ("logits",)
    assert model.input_names == network.input_names


@pytest.mark.parametrize(
    ("which", "touched"),
    [("shallow", ["stem", "depthwise"]), ("deep", ["pointwise", "classes"]), ("none", [])],
)
def test_only_the_layers_asked_for_give_weights(which, touched, network, task):
    done = Transfer(layers=which, epochs=0)(Candidate(network), task)
    report = done.reports[-1]
    assert list(report.touched) == touched
    assert {name for name, reason in report.skipped if reason}.isdisjoint(touched)
    assert len(report.touched) + len(report.skipped) == 4


def test_without_weight_there_is_no_teacher(network, task):
    alone = Transfer(weight=0.0, epochs=1)(Candidate(network), task)
    taught = Transfer(weight=0.9, epochs=1)(Candidate(network), task)
    assert alone.teacher is None and taught.teacher is not None
    assert alone.reports[-1].history != taught.reports[-1].history


def test_a_teacher_that_distill_has_set_stays(network, task):
    text = "distill(method='attention', weight=0.8), transfer(epochs=1), quantize(epochs=1)"
    done = Recipe.parse(text).apply(network, task)
    assert done.teacher.methods == ("attention",) and done.quantization is not None


def test_a_file_of_the_users_has_the_networks_names_and_is_watched(address, network, task):
    made = Recipe.parse(f"transfer(student={address + ':build'!r}, epochs=1)")
    done = made.apply(network, task)
    assert done.model.input_names == network.input_names
    assert done.model.output_names == network.output_names
    assert done.model.count_params() < network.count_params()
    assert dict(done.reports[-1].skipped)["depthwise"] == "gave the student no weights"
    assert made.passes[0].reads() == (f"{address}:build",)


def test_a_student_in_a_keras_file_gets_the_teachers_weights_or_keeps_its_own(
    address, network, task, tmp_path
):
    path = str(tmp_path / "student.keras")
    start = Transfer(width=0.5, weight=0.0, epochs=0)(Candidate(network), task).model
    start.set_weights([np.full_like(value, 0.25) for value in start.get_weights()])
    start.save(path)
    made = Transfer(student=path, layers="none", epochs=0)
    assert made.reads() == (path,)
    kept = made(Candidate(network), task).model.get_layer("classes").get_weights()[0]
    assert np.all(kept == 0.25)
    taken = Transfer(student=path, epochs=0)(Candidate(network), task).model
    assert not np.any(taken.get_layer("classes").get_weights()[0] == 0.25)


def test_a_reference_network_is_found_by_its_name(network, task):
    done = Transfer(student="lenet_300_100", epochs=0)(Candidate(network), task)
    assert done.model.name == "lenet_300_100"
    assert done.model.output_shape == network.output_shape


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transfer(student='lenet_5')", "Did you mean 'lenet5'.*py:FILE:FUNCTION"),
        ("transfer(student='resnet8', width=0.5)", "another network is as wide"),
        ("transfer(student='ADDRESS:four')", r"gives \(4,\), the model \(3,\)"),
        ("transfer(student='ADDRESS:nothing')", r"transfer\(student=.* it gave int"),
        ("transfer(student='ADDRESS:none')", r"transfer\(student=.* no function 'none'"),
        ("transfer(student='nowhere.keras')", "no such file"),
        ("transfer(student='lenet5')", "cannot be built for inputs"),
        ("transfer(depth=0.5)", "no residual block"),
        ("transfer(width=1.0)", "less than 1"),
        ("transfer(width=0)", "0 < width <= 1"),
        ("transfer(layers='middle')", 'one of "all", "shallow", "deep", "none"'),
        ("transfer(weight=-0.1)", "0 <= weight"),
        ("prune(final_sparsity=0.3, epochs=0), transfer", r"\(zeros\)\. Put transfer first"),
    ],
)
def test_what_cannot_be_is_refused_before_training(text, said, address, network, task, monkeypatch):
    monkeypatch.setattr("tfedge.compress.training.trainer.epoch", lambda *_: pytest.fail("ran"))
    with pytest.raises(errors.BadInput, match=said):
        Recipe.parse(text.replace("ADDRESS", address)).apply(network, task)


def test_learned_ranges_are_a_promise_too(network):
    candidate = Candidate(network, quantization=Quantization({}))
    with pytest.raises(errors.BadInput, match=r"\(ranges\)\. Put transfer first"):
        Transfer().requires(candidate)


def test_the_same_seed_gives_the_same_student(network, task):
    made = Transfer(student="lenet_300_100", epochs=0)
    one, two = (made(Candidate(network), task).model.get_weights() for _ in range(2))
    other = made(Candidate(network), dataclasses.replace(task, seed=1)).model.get_weights()
    assert all(map(np.array_equal, one, two)) and not all(map(np.array_equal, one, other))


def _residual(blocks):
    k.tf_keras.utils.set_random_seed(0)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, name="stem")(image)
    for number in range(blocks):
        branch = layers.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)
        sides = [x, branch] if number % 2 else [branch, x]
        x = layers.ReLU(name=f"relu{number}")(layers.Add(name=f"add{number}")(sides))
    wide = layers.Add(name="not_around")([layers.Conv2D(8, 1)(x), layers.Conv2D(8, 1)(x)])
    return k.tf_keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(wide)))


def test_residual_blocks_are_left_out_evenly(task):
    model = _residual(4)
    assert residual.branches(model) == {
        "add0": "stem",
        "add1": "relu0",
        "add2": "relu1",
        "add3": "relu2",
    }
    half = students.shallower(model, 0.5)
    left = {layer.name for layer in half.layers}
    assert {"conv0", "conv1", "conv2", "conv3"} & left == {"conv1", "conv3"}
    for name in ("stem", "conv1"):
        np.testing.assert_array_equal(half.get_layer(name).kernel, model.get_layer(name).kernel)
    done = recipe.make("transfer", {"depth": 0.0, "epochs": 0})(Candidate(model), task)
    assert not any(layer.name.startswith("conv0") for layer in done.model.layers)
    assert dict(done.reports[-1].skipped)["conv0"] == "gave the student no weights"


def test_what_a_branch_does_not_give_is_what_a_dropped_block_loses():
    model = _residual(3)
    for number in range(3):
        layer = model.get_layer(f"conv{number}")
        layer.set_weights([0 * weight for weight in layer.get_weights()])
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype(np.float32)
    np.testing.assert_allclose(students.shallower(model, 0.0)(x), model(x), atol=1e-6)
