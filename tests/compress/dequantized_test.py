"""Models that Keras 3 has quantized itself: their weights come back, within half a step."""

import keras
import numpy as np
import pytest
from absl import logging

import tfedge
from tfedge.compress import bridge

L = keras.layers


@pytest.mark.filterwarnings("ignore")
def test_attention_made_of_quantized_layers():
    x = keras.Input((6, 8))
    model = keras.Model(x, L.MultiHeadAttention(2, 3, name="attention")(x, x))
    example = np.random.default_rng(0).normal(size=(5, 6, 8)).astype(np.float32)
    expected = model(example)
    model.quantize("int8")
    assert model.get_layer("attention").query_dense.quantization_mode == "int8"
    np.testing.assert_allclose(bridge.to_tf_keras(model)(example), expected, atol=0.02)


def _model():
    keras.utils.set_random_seed(4)
    x, ids = keras.Input((6, 8), name="x"), keras.Input((6,), dtype="int32", name="ids")
    h = L.Add()(
        [L.Dense(7, activation="relu", name="dense")(x), L.Embedding(11, 7, name="ids_")(ids)]
    )
    h = L.EinsumDense("abc,cde->abde", (6, 2, 3), bias_axes="de", name="split")(h)
    h = L.EinsumDense("abde,dec->abc", (6, 5), name="join")(h)
    return keras.Model([x, ids], L.Dense(3, use_bias=False, name="last")(L.Flatten()(h)))


@pytest.mark.parametrize(("mode", "step"), [("int8", 0.02), ("int4", 0.3), ("float8", 0.0)])
@pytest.mark.filterwarnings("ignore")
def test_weights_come_back(mode, step, tmp_path, caplog):
    model = _model()
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(5, 6, 8)).astype(np.float32), rng.integers(0, 11, (5, 6))]
    float_weights = {w.path: np.asarray(w) for w in model.weights}
    expected = model(x)
    model.quantize(mode)
    model.save(tmp_path / "quantized.keras")
    with caplog.at_level(logging.WARNING):
        loaded = tfedge.load_model(tmp_path / "quantized.keras")
    assert f"that Keras has quantized ({mode}) are float again" in caplog.text
    for name in ("dense", "ids_", "split", "join", "last"):
        if mode == "float8" and name == "ids_":
            continue
        wanted = [v for path, v in float_weights.items() if path.startswith(f"{name}/")]
        for ours, weight in zip(loaded.get_layer(name).get_weights(), wanted, strict=True):
            np.testing.assert_allclose(ours, weight, atol=step * np.abs(weight).max())
    largest = np.abs(expected).max()
    np.testing.assert_allclose(loaded(x), expected, atol=(2 * step + 1e-6) * largest)
    # Nothing of Keras' quantization is left to convert.
    assert len(tfedge.to_tflite(loaded, "float32", None)) > 1000
