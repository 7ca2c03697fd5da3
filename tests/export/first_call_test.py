"""A subclassed model that comes from a file, and so has its weights but was never called."""

import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.errors import BadInput
from tfedge.export.tree import flatbuffer


def _task(x):
    split = ArraySplit(x, np.zeros(4, np.float32))
    return Task("few", "regression", split, split, split, normalization=Normalization(0.5))


@pytest.fixture
def opened(tmp_path):
    """(the model in a .keras file, what it answers to two rows of ones)."""
    keras = k.keras3()

    class Doubled(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(2, name="dense")

        def call(self, x):
            return 2 * self.dense(x)

    model = Doubled()
    expected = np.asarray(model(np.ones((1, 3), np.float32)))
    model.save(tmp_path / "doubled.keras")
    return loading.load_model(tmp_path / "doubled.keras", {"Doubled": Doubled}), expected


def test_it_is_called_on_an_example_of_the_data(opened):
    model, expected = opened
    data = export.to_tflite(model, "float32", _task(np.ones((4, 3), np.float32)))
    (name,) = flatbuffer.unpack(data).signatureDefs[0].inputs
    given = {name.name.decode(): np.ones((1, 3), np.float32)}
    (found,) = running.run(data, given).values()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_without_data_it_is_refused(opened):
    with pytest.raises(BadInput, match="never called has no input shape"):
        export.to_tflite(opened[0], "float32")


def test_data_that_it_does_not_take_is_refused_in_a_line(opened):
    with pytest.raises(BadInput, match="calling it on an example of few gave Value") as told:
        export.to_tflite(opened[0], "float32", _task(np.ones((4, 5), np.float32)))
    assert "received input with shape (1, 5)" in str(told.value)
    assert "x1b" not in str(told.value)


def test_one_without_weights_is_not_given_random_ones():
    keras = k.keras3()

    class Empty(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(BadInput, match="never called"):
        export.to_tflite(Empty(), "float32", _task(np.ones((4, 3), np.float32)))
