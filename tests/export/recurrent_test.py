import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.errors import BadInput
from tfedge.export import recurrent


def _model(layer, shape=(5, 3)):
    given = k.tf_keras.layers.Input(shape)
    return k.tf_keras.Model(given, layer(given))


@pytest.mark.parametrize(
    "layer",
    [
        k.tf_keras.layers.GRU(2),
        k.tf_keras.layers.Bidirectional(k.tf_keras.layers.GRU(2)),
        k.tf_keras.layers.RNN(k.tf_keras.layers.LSTMCell(2)),
    ],
)
def test_unrolled_layers_compute_the_same(layer):
    model = _model(_model(layer))  # nested, so the layer is not the model's own
    unrolled = recurrent.unrolled(model, "int8")
    x = np.random.default_rng(0).random((2, 5, 3), np.float32)
    np.testing.assert_allclose(unrolled(x), model(x), atol=1e-6)


def test_long_sequences_are_refused():
    model = _model(k.tf_keras.layers.GRU(2, name="long"), (129, 3))
    with pytest.raises(BadInput, match=r"layer 'long'.*129 steps.*dynamic"):
        recurrent.unrolled(model, "int8")


def test_layers_without_an_unrolled_form_are_refused():
    model = _model(k.tf_keras.layers.ConvLSTM2D(2, 3, name="images"), (4, 6, 6, 1))
    with pytest.raises(BadInput, match="layer 'images'"):
        recurrent.unrolled(model, "int8")
