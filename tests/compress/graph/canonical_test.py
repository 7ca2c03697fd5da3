"""What earlier work left in a model goes, and what is plain stays itself; see also loading_test."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer
from tfedge.compress.graph import canonical

layers, tf = k.tf_keras.layers, k.tf
X = np.random.default_rng(0).normal(size=(4, 6, 2)).astype(np.float32)


def _model(middle=lambda x: x, shape=(6, 2)):
    k.tf_keras.utils.set_random_seed(0)
    x = layers.Input(shape, name="x")
    return k.tf_keras.Model(x, layers.Dense(3, name="out")(middle(layers.Dense(4, name="in")(x))))


def test_a_plain_model_stays_itself():
    model = _model()
    assert canonical.tidy(model) is model and canonical.tidy(model, {}) is model


def test_functions_between_layers_become_layers():
    model = _model(lambda x: tf.nn.relu(x) * 2.0)
    found = canonical.tidy(model)
    kinds = [type(layer) for layer in found.layers]
    assert kinds.count(op_layer.Op) == 2
    np.testing.assert_allclose(found(X), model(X), rtol=1e-6)


def test_half_precision_becomes_float32(caplog):
    inner = k.tf_keras.Sequential([layers.Dense(4, dtype="mixed_float16")], name="inner")
    model = _model(lambda x: layers.Dense(4, dtype="mixed_float16")(inner(x)))
    with caplog.at_level("INFO", logger="absl"):
        found = canonical.tidy(model)
    assert "2 layers that computed in half precision compute in float32 now" in caplog.text
    every = canonical._all_layers(found)
    assert {layer.dtype_policy.name for layer in every if layer.weights} == {"float32"}
    assert found.output.dtype == tf.float32
    np.testing.assert_allclose(found(X), model(X), atol=1e-2)


def test_inputs_get_the_size_asked_for():
    model = _model(shape=(None, 2))
    found = canonical.tidy(model, {"x": (5, 2)})
    assert found.input_shape == (None, 5, 2) and model.input_shape == (None, None, 2)
    np.testing.assert_array_equal(found(X[:, :5]), model(X[:, :5]))
    with pytest.raises(errors.BadInput, match=r"cannot be built for \{'x': \(5, 3\)\}"):
        canonical.tidy(model, {"x": (5, 3)})


@pytest.mark.parametrize(
    ("name", "module", "is_wrapper"),
    [
        ("PruneLowMagnitude", "tensorflow_model_optimization.python.pruning", True),
        ("QuantizeWrapperV2", "tensorflow_model_optimization.quantization", True),
        ("PruneLowMagnitude", "somebody.elses", False),
        ("Dense", "tensorflow_model_optimization.python", False),
    ],
)
def test_wrappers_are_known_by_name_and_origin(name, module, is_wrapper):
    layer = type(name, (), {"__module__": module, "layer": "inside"})()
    assert canonical._is_wrapper(layer) is is_wrapper
    assert canonical._inner(layer) == ("inside" if is_wrapper else layer)
