"""A network over time, without any layer of two spatial axes, through every kind of pass."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tfedge import Recipe, evaluate, to_tflite
from tfedge.compress import keras as k
from tfedge.compress.layers import kernels
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers
_RULES = "epochs=1, rules={'.*depthwise': {'%s': %s}}"
_PRUNE = f"prune(final_sparsity=0.5, {_RULES % ('final_sparsity', 0.5)})"
_CLUSTER = f"cluster(number_of_clusters=8, {_RULES % ('number_of_clusters', 4)})"


def _task():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 48)
    x = (rng.normal(size=(48, 12, 4)) + 1.5 * y.reshape(-1, 1, 1)).astype(np.float32)
    split = ArraySplit(x, y)
    return Task("made_up", "classification", split, split, split, split, batch_size=24)


def _model():
    k.tf_keras.utils.set_random_seed(6)
    signal = k.tf_keras.Input((12, 4), name="signal")
    x = layers.Conv1D(8, 3, padding="same", activation="relu", name="stem")(signal)
    x = layers.SeparableConv1D(8, 3, padding="same", name="separable")(
        layers.BatchNormalization()(x)
    )
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7)(x))
    x = layers.ReLU()(layers.DepthwiseConv1D(3, strides=2, name="depthwise")(x))
    x = layers.Conv1DTranspose(8, 4, strides=2, activation="relu", name="grow")(x)
    x = layers.Conv1D(6, 1, activation="relu", name="mix")(x)
    return k.tf_keras.Model(signal, layers.Dense(3, "softmax", name="classes")(layers.Flatten()(x)))


def _answers(content, x):
    runner = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([runner(signal=each[None])["classes"] for each in x])


@pytest.mark.parametrize(
    "recipe",
    [
        f"{_PRUNE}, {_CLUSTER}, quantize(epochs=1)",
        f"slim(reduction=0.3, multiple_of=1, epochs=1), equalize(), {_PRUNE}, quantize(epochs=1)",
    ],
)
def test_every_promise_is_in_the_file(recipe):
    task = _task()
    candidate = Recipe.parse(recipe).apply(_model(), task)
    found = {kernel.layer for kernel in kernels.find(candidate.model)}
    kept = {"separable_depthwise", "separable", "depthwise", "grow"}
    assert kept <= found and kept <= {
        hold.layer for hold in candidate.holds if hold.kind == "zeros"
    }
    content = to_tflite(candidate, "int8", task)
    scorecard = evaluate(content, task, holds=candidate.holds)
    assert {hold["tensor"] for hold in scorecard.holds} == found
    assert all(hold["kept"] for hold in scorecard.holds), scorecard.holds
    trained = fake_quantization.insert(candidate.model, candidate.quantization)(task.train.x)
    np.testing.assert_allclose(_answers(content, task.train.x), trained, atol=1 / 256)
    assert candidate.quantization.float_layers == {}
