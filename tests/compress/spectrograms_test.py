"""Keras 3's layers from sound to spectrogram: the same in tf_keras, in float and in int8 files."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfedge
from tfedge.compress import bridge, keras
from tfedge.compress.ranges import input_prefix, uneven_inputs
from tfedge.data.task import ArraySplit, Task

k3, tf_keras = keras.keras3(), keras.tf_keras
MEL = {"fft_length": 128, "sequence_stride": 64, "sampling_rate": 8000, "num_mel_bins": 12}
RNG = np.random.default_rng(0)
SOUND = (10 ** RNG.uniform(-2.5, 0, (40, 1)) * RNG.normal(size=(40, 800))).astype(np.float32)


def _mel(**settings):
    sound = k3.Input((800,), name="sound")
    return sound, k3.layers.MelSpectrogram(**{**MEL, **settings}, name="mel")(sound)


def _stft(**settings):
    sound = k3.Input((800,), name="sound")
    waves = k3.layers.Reshape((800, 1))(sound)
    made = {"frame_length": 128, "frame_step": 64, **settings}
    return sound, k3.layers.STFTSpectrogram(**made, name="stft")(waves)


@pytest.mark.parametrize(
    "ends",
    [
        _mel,
        lambda: _mel(window="hamming", power_to_db=False, mag_exp=1.0, max_freq=3000),
        _stft,
        lambda: _stft(mode="stft", window="hamming", padding="same", expand_dims=True),
        lambda: _stft(mode="imag", scaling=None, fft_length=256),
    ],
    ids=["mel", "other_mel", "stft", "other_stft", "imag"],
)
def test_both_kerases_hear_the_same_and_it_comes_back(ends):
    model = k3.Model(*ends())
    twin = bridge.to_tf_keras(model)
    np.testing.assert_array_equal(twin(SOUND), model(SOUND))
    again = tf_keras.models.clone_model(twin)
    again.set_weights(twin.get_weights())
    np.testing.assert_array_equal(again(SOUND), model(SOUND))
    back = bridge.to_keras3(twin)
    assert type(back.layers[-1]) is type(model.layers[-1])
    np.testing.assert_array_equal(back(SOUND), model(SOUND))


def _network(ends):
    sound, heard = ends
    x = k3.layers.Reshape((*heard.shape[1:], 1))(heard)
    x = k3.layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = k3.layers.GlobalAveragePooling2D()(x)
    return k3.Model(sound, k3.layers.Dense(3, activation="softmax", name="head")(x))


@pytest.mark.parametrize("ends", [_mel, _stft])
def test_the_spectrogram_belongs_to_the_part_that_stays_float(ends):
    model = bridge.to_tf_keras(_network(ends()))
    prefix = input_prefix.find(model)
    (edge,) = prefix.edges.values()
    assert prefix.heard == {"sound"} and edge.elements is None
    assert edge.layer.startswith("reshape") or edge.layer in ("mel", "stft")
    uneven = uneven_inputs.find(model)
    assert uneven.columns == {"sound": ()} and uneven.described().startswith(
        "input sound: quiet sounds"
    )


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=1)"])
@pytest.mark.parametrize("ends", [_mel, _stft])
def test_quiet_sounds_survive_int8(ends, recipe):
    """In one scale for all of them, quiet ones are rounded to nothing: the answers moved by .3."""
    k3.utils.set_random_seed(1)
    model = _network(ends())
    split = ArraySplit(SOUND, np.arange(40) % 3)
    task = Task("sounds", "classification", split, split, split, batch_size=20)
    source = tfedge.Recipe.parse(recipe).apply(model, task) if recipe else model
    content = tfedge.to_tflite(source, "int8", task)
    interpreter = Interpreter(model_content=content)
    run = interpreter.get_signature_runner()
    found = np.concatenate([next(iter(run(sound=one[None]).values())) for one in SOUND])
    wanted = source.model(SOUND) if recipe else model(SOUND)
    assert np.abs(found - wanted).max() < 0.05
    names = {each["name"]: each["dtype"] for each in interpreter.get_tensor_details()}
    assert names["conv"] is np.int8 and names["head"] is np.int8
