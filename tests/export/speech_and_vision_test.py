"""Encoders of speech and of images that mix attention and convolution: exported and judged."""

import keras
import numpy as np
import pytest

import tfedge
from tfedge.data.task import ArraySplit, Task
from tfedge.release.gate import Limits

L = keras.layers


def _block(x, name):
    normed = L.LayerNormalization(name=f"{name}_norm")(x)
    x = x + L.MultiHeadAttention(2, 8, name=f"{name}_attention")(normed, normed)
    wide = L.Dense(32, activation="gelu", name=f"{name}_wide")(L.LayerNormalization()(x))
    return x + L.Dense(16, name=f"{name}_narrow")(wide)


def _whisper_like():
    """Two convolutions over a spectrogram, places by sines, blocks; Radford et al. 2022."""
    sound = keras.Input((16, 8), name="sound")
    x = L.Conv1D(16, 3, padding="same", activation="gelu")(sound)
    x = L.Conv1D(16, 3, strides=2, padding="same", activation="gelu")(x)
    angles = np.arange(8)[:, None] / 100 ** (np.arange(8) / 8)
    x = x + np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)[None]
    x = L.LayerNormalization()(_block(_block(x, "first"), "second"))
    return keras.Model(sound, L.Dense(4, name="scores")(L.GlobalAveragePooling1D()(x)))


def _mobilevit_like():
    """Pixels at the same place of all patches attend to each other; Mehta & Rastegari 2021."""
    image = keras.Input((8, 8, 3), name="image")
    x = L.Conv2D(16, 3, padding="same", activation="silu")(image)
    patches = L.Permute((1, 3, 2, 4, 5))(L.Reshape((4, 2, 4, 2, 16))(x))
    apart = L.Permute((2, 1, 3))(L.Reshape((16, 4, 16))(patches))  # (pixel, patch, channels)
    normed = L.LayerNormalization()(apart)
    seen = apart + L.MultiHeadAttention(2, 8, attention_axes=2, name="attention")(normed, normed)
    back = L.Permute((1, 3, 2, 4, 5))(L.Reshape((4, 4, 2, 2, 16))(L.Permute((2, 1, 3))(seen)))
    x = L.Concatenate()([x, L.Reshape((8, 8, 16))(back)])
    x = L.Conv2D(16, 3, strides=2, padding="same", activation="silu")(x)
    return keras.Model(image, L.Dense(4, name="scores")(L.GlobalAveragePooling2D()(x)))


def _judged(made):
    """The network, and a task whose labels are its own answers, as even as can be."""
    keras.utils.set_random_seed(0)
    model, random = made(), np.random.default_rng(0)
    kinds = random.normal(size=(12, *model.input_shape[1:]))
    x = (kinds[np.arange(600) % 12] + 0.3 * random.normal(size=(600, *kinds.shape[1:]))).astype(
        "f4"
    )
    head = model.get_layer("scores")
    scores = model.predict_on_batch(x)
    kernel, bias = head.get_weights()
    head.set_weights([kernel / scores.std(axis=0), bias - scores.mean(axis=0) / scores.std(axis=0)])
    whole = ArraySplit(x, model.predict_on_batch(x).argmax(axis=-1))
    train, rest = whole.take(np.arange(200)), whole.take(np.arange(200, 600))
    return model, Task("own", "classification", train, train, train, rest)


@pytest.mark.parametrize("made", [_whisper_like, _mobilevit_like])
def test_an_encoder_is_exported_and_passes(made):
    model, task = _judged(made)
    before = tfedge.to_tflite(model, "float32", task)
    for route in ("dynamic", "int8"):
        scorecard = tfedge.evaluate(tfedge.to_tflite(model, route, task), task, baseline=before)
        assert scorecard.metric.baseline == 1
        assert tfedge.gate(scorecard, Limits(margin=0.1)).outcome == "PASS", scorecard.metric
