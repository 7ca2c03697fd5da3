"""A float that is an output, and that integer operators read as well, stays an output in float."""

import keras
import numpy as np

import tfedge
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite


def test_a_normalization_that_is_an_output_and_is_read_on_stays_float():
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 8), name="x")
    normed = keras.layers.LayerNormalization(epsilon=1e-6)(keras.layers.Dense(8)(x))
    pooled = keras.layers.Dense(3, activation="tanh")(normed[:, 0])
    model = keras.Model(x, {"sequence": normed, "pooled": pooled})
    inputs = np.random.default_rng(0).normal(size=(8, 6, 8)).astype(np.float32)
    split = ArraySplit(inputs, np.zeros(8, int))
    task = Task("own", "classification", split, split, split, split, batch_size=4)
    file = tflite.read(tfedge.to_tflite(model, "int8", task))
    assert {name: each.dtype for name, each in file.named_outputs.items()} == {
        "sequence": "FLOAT32",
        "pooled": "FLOAT32",
    }
    interpreter = tflite.interpreter(file.content, 1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(file.named_inputs["x"].index, inputs[:1])
    interpreter.invoke()
    found = interpreter.get_tensor(file.named_outputs["sequence"].index)
    np.testing.assert_allclose(found, model(inputs[:1])["sequence"], atol=0.1)
