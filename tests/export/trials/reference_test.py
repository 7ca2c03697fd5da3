"""Answers of the model that a file came from, and examples where there are none."""

import pathlib

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.export.trials import reference, seeded

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
FLOAT = options.Export.parse("float32")
layers = k.tf_keras.layers


def _task(x):
    split = ArraySplit(x, np.zeros(len(x), np.float32))
    return Task("t", "regression", split, split, split, normalization=Normalization(0.5))


def test_answers_of_all_examples_by_the_names_of_outputs():
    """20 examples are two batches; inputs are normalised."""
    x = np.arange(40, dtype=np.float32).reshape(20, 2)
    inputs = layers.Input((2,), name="x")
    ends = [
        layers.Rescaling(2.0, name="twice")(inputs),
        layers.Rescaling(3.0, name="thrice")(inputs),
    ]
    found = reference.answers(Candidate(k.tf_keras.Model(inputs, ends)), _few(x), _task(x), FLOAT)
    assert list(found) == ["twice", "thrice"]
    np.testing.assert_allclose(found["twice"], x)
    np.testing.assert_allclose(found["thrice"], 1.5 * x)


def _few(x):
    return ArraySplit(x, np.zeros(len(x), np.float32))


def test_a_model_that_remembers_starts_anew_and_sees_one_after_the_other():
    """Each answer is the sum of all inputs so far."""
    inputs = layers.Input(batch_shape=(1, 1, 1), name="x")
    total = layers.SimpleRNN(1, "linear", stateful=True, name="total")
    model = k.tf_keras.Model(inputs, total(inputs))
    total.set_weights([np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)])
    x = np.array([2.0, 4.0, 8.0], np.float32).reshape(3, 1, 1)
    model(x[:1])  # what it had seen before plays no part
    for _ in range(2):
        found = reference.answers(Candidate(model), _few(x), _task(x), FLOAT)
        assert found["total"].ravel().tolist() == [1.0, 3.0, 7.0]
    assert total.states[0].numpy().tolist() == [[0.0]]


@pytest.mark.parametrize("name", ["image_float", "image_uint8_raw", "hungry_float", "loop_float"])
def test_made_up_examples_fit_and_are_the_same_every_time(name):
    file = tflite.read((FILES / f"{name}.tflite").read_bytes())
    made, again = seeded.task(file), seeded.task(file)
    assert made.train.x.keys() == file.named_inputs.keys() and len(made.train) == 2
    for key, tensor in file.named_inputs.items():
        values = made.train.x[key]
        assert values.shape == (2, *tensor.shape[1:])
        assert 0 <= values.min() and values.max() <= 1 and values.std() > 0
        np.testing.assert_array_equal(values, again.train.x[key])


def test_integers_that_are_no_quantities_are_zeros_and_ones():
    class Tensor:
        dtype, shape, scales = "INT32", (1, 50), ()

    values = seeded._values(Tensor, np.random.default_rng(0))
    assert values.dtype == np.int32 and set(np.unique(values)) == {0, 1}
    Tensor.scales = (0.5,)
    assert seeded._values(Tensor, np.random.default_rng(0)).dtype == np.float32
