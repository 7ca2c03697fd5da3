import numpy as np
import pytest

from tfedge import Recipe, evaluate, to_tflite
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

layers = k.tf_keras.layers
_DILATIONS = (2, 4)


def _task():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 48)
    x = (rng.normal(size=(48, 16, 2)) + y.reshape(-1, 1, 1)).astype(np.float32)
    split = ArraySplit(x, y)
    return Task("made_up", "classification", split, split, split, split, batch_size=24)


def _wavenet():
    """Two gates read each input with the same dilation; three skips are added."""
    k.tf_keras.utils.set_random_seed(3)
    x = signal = k.tf_keras.Input((16, 2))
    skips = [layers.Conv1D(6, 1, name="skip")(x)]
    for d in _DILATIONS:
        tanh, sigmoid = (
            layers.Conv1D(6, 2, dilation_rate=d, padding="causal", activation=kind)(x)
            for kind in ("tanh", "sigmoid")
        )
        x = layers.Conv1D(6, 1)(layers.Multiply()([tanh, sigmoid]))
        skips.append(x)
    x = layers.Flatten()(layers.ReLU()(layers.Add()(skips)))
    return k.tf_keras.Model(signal, layers.Dense(3, "softmax")(x))


def _images():
    k.tf_keras.utils.set_random_seed(4)
    image = k.tf_keras.Input((8, 8, 2))
    gates = [
        layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation=kind)(image)
        for kind in ("tanh", "sigmoid")
    ]
    x = layers.Flatten()(layers.Multiply()(gates))
    return k.tf_keras.Model(image, layers.Dense(3, "softmax")(x))


def test_convolutions_that_share_an_input_are_one_integer_operator_each():
    task = _task()
    candidate = Recipe.parse("quantize(epochs=1)").apply(_wavenet(), task)
    data = to_tflite(candidate, "int8", task)
    file = tflite.read(data)
    kinds = [operator.kind for operator in file.operators]
    assert "SPACE_TO_BATCH_ND" not in kinds and kinds.count("CONV_2D") == 7
    assert all(kernel.tensor.dtype == "INT8" for kernel in file.kernels())
    added = [operator for operator in file.operators if operator.kind == "ADD"]
    assert [file.tensors[each.outputs[0]].dtype for each in added] == ["INT8", "INT8"]
    assert evaluate(data, task, holds=candidate.holds).metric.n == 48


@pytest.mark.parametrize("made", [_wavenet, _images])
def test_the_operator_computes_what_the_layers_do(made):
    model = made()
    data = to_tflite(model, "float32", None)
    assert "SPACE_TO_BATCH_ND" not in [operator.kind for operator in tflite.read(data).operators]
    x = np.random.default_rng(5).normal(size=(1, *model.input_shape[1:])).astype(np.float32)
    runner = tflite.interpreter(data, 1).get_signature_runner()
    (found,) = runner(**{model.input_names[0]: x}).values()
    np.testing.assert_allclose(found, model(x), atol=1e-6)
    assert not any("convolution_op" in vars(layer) for layer in model.layers)
