"""A loss that a model was compiled with is never dropped without a word."""

import keras
import pytest
from absl import logging

import tfedge
from tfedge.compress import keras as k
from tfedge.compress.loading import compiled_loss


def half_error(wanted, given):
    return abs(wanted - given) / 2


@keras.saving.register_keras_serializable("mine")
class Weighted(keras.losses.Loss):
    def call(self, wanted, given):
        return 3 * (wanted - given) ** 2


def _model(package, loss):
    x = package.Input((4,), name="x")
    model = package.Model(x, package.layers.Dense(2, name="out")(x))
    model.compile("adam", loss)
    return model


@pytest.mark.parametrize(
    ("package", "ending", "loss", "said"),
    [
        (keras, "keras", half_error, "'half_error'"),
        (keras, "keras", Weighted(), "'Weighted'"),
        (keras, "keras", {"out": half_error}, "'half_error'"),
        (keras, "keras", "huber", "'huber'"),
        (k.tf_keras, "keras", half_error, "'half_error'"),
        (k.tf_keras, "h5", half_error, "'half_error'"),
        (keras, "keras", "mse", ""),
        (keras, "keras", keras.losses.SparseCategoricalCrossentropy(), ""),
        (k.tf_keras, "h5", "binary_crossentropy", ""),
        (k.tf_keras, "keras", None, ""),
    ],
)
def test_what_is_said_when_a_file_is_opened(package, ending, loss, said, tmp_path, caplog):
    path = tmp_path / f"model.{ending}"
    _model(package, loss).save(path)
    with caplog.at_level(logging.WARNING):
        tfedge.load_model(path)
    assert (f"compiled with the loss {said}, " in caplog.text) == bool(said)
    assert ("Task.loss" in caplog.text) == bool(said)


def test_a_model_that_a_function_returns(tmp_path, caplog):
    lines = ["import keras", "def loss_of_mine(a, b): return a - b", "def build():"]
    lines += [
        " x = keras.Input((4,)); m = keras.Model(x, keras.layers.Dense(2)(x))",
        " m.compile('adam', loss_of_mine); return m",
    ]
    (tmp_path / "train.py").write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        tfedge.load_model(f"py:{tmp_path}/train.py:build")
    assert "compiled with the loss 'loss_of_mine'" in caplog.text


@pytest.mark.parametrize(("package", "ending"), [(keras, "keras"), (k.tf_keras, "h5")])
@pytest.mark.parametrize(
    ("weights", "is_said"),
    [({"a": 1.0, "b": 0.001}, True), ([5, 1], True), ([1, 1], False), (None, False)],
)
def test_weights_of_several_losses_are_never_dropped_without_a_word(
    package, ending, weights, is_said, tmp_path, caplog
):
    x = package.Input((4,), name="x")
    heads = [package.layers.Dense(1, name=name)(x) for name in ("a", "b")]
    model = package.Model(x, dict(zip("ab", heads, strict=True)) if weights != [5, 1] else heads)
    losses = {"a": "mse", "b": "mse"} if weights != [5, 1] else ["mse", "mse"]
    weights = {"a": 1, "b": 1} if weights == [1, 1] else weights
    model.compile("adam", losses, loss_weights=weights)
    model.save(tmp_path / f"model.{ending}")
    with caplog.at_level(logging.WARNING):
        tfedge.load_model(tmp_path / f"model.{ending}")
    assert ("compiled with loss_weights" in caplog.text) == is_said
    caplog.clear()
    compiled_loss.say_weights(compiled_loss.weights_of(model), "it")
    assert ("compiled with loss_weights" in caplog.text) == is_said
