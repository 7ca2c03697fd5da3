"""quantize(normalization="int8"): training sees the integers of each operator that the file has."""

import functools

import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import keras as k
from tfedge.compress.bridge import rms_normalization
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.recipe import Recipe
from tfedge.data import task as task_lib
from tfedge.device.file import tflite
from tfedge.export import parity

layers = k.tf_keras.layers
RECIPE = 'quantize(normalization="int8", epochs={})'
# Of the normalization with an offset; that of the other is in the dense layer behind it.
PARTS = ("mean", "squares", "mean_of_squares", "variance", "inverse", "centered", "normalized")


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    x = generator.normal(2, 3, size=(48, 6, 8)).astype(np.float32)
    x[:, -1] = 0.0  # padding: a step without variance
    split = task_lib.ArraySplit(x, generator.integers(0, 3, 48))
    return task_lib.Task("steps", "classification", split, split, split, split, batch_size=16)


@functools.cache
def _network():
    k.tf_keras.utils.set_random_seed(0)
    steps = k.tf_keras.Input((6, 8), name="steps")
    x = layers.LayerNormalization(name="first", gamma_initializer="random_uniform")(steps)
    x = layers.Add(name="sum")([steps, layers.Dense(8, "gelu", name="wide")(x)])
    x = rms_normalization.RMSNormalization(name="root")(x)
    x = layers.Dense(8, name="narrow")(x)
    x = layers.LayerNormalization(name="last", beta_initializer="random_normal")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return k.tf_keras.Model(steps, layers.Dense(3, name="classes")(x))


@functools.cache
def _candidate(epochs=0):
    return Recipe.parse(RECIPE.format(epochs)).apply(_network(), _task())


@functools.cache
def _file(epochs=0, export="int8(few_bit_scales=False, few_bit_biases=False)"):
    return to_tflite(_candidate(epochs), export, _task())


@pytest.mark.parametrize("epochs", [0, 2])
def test_every_operator_between_the_ends_is_on_integers(epochs):
    file = tflite.read(_file(epochs))
    floats = {o.kind for o in file.operators if file.tensors[o.outputs[0]].dtype != "INT8"}
    assert floats == {"DEQUANTIZE"}
    assert sum(each.kind == "RSQRT" for each in file.operators) == 3
    assert _candidate(epochs).quantization.float_layers == {}


@pytest.mark.parametrize("epochs", [0, 2])
def test_the_file_computes_what_training_did_operator_by_operator(epochs):
    found = parity.compare(_candidate(epochs), _file(epochs), _task(), 16)
    assert found.first_divergence is None
    by_name = {each.layer: each for each in found.layers}
    for part in PARTS:
        assert by_name[f"last.{part}"].snr_db > 25, part
    assert by_name["last"].operator == "ADD" and by_name["root"].operator == "MUL"


def test_its_scales_are_those_of_the_ranges_that_were_trained():
    candidate, file = _candidate(2), tflite.read(_file(2))
    found = parity.compare(candidate, file.content, _task(), 1)
    tensors = {each.layer: file.tensors[each.tensor] for each in found.layers}
    for part in PARTS:
        low, high = candidate.quantization.ranges[f"last.{part}_range_0_0"]
        np.testing.assert_allclose(tensors[f"last.{part}"].scales, (high - low) / 255, rtol=1e-5)
    before = _candidate().quantization.ranges
    after = candidate.quantization.ranges
    assert all(
        before[f"last.{part}_range_0_0"] != after[f"last.{part}_range_0_0"] for part in PARTS
    )


def test_training_moves_the_gains_and_the_layer_has_them():
    before, after = (_candidate(epochs).model.get_layer("last") for epochs in (0, 2))
    assert type(after).__name__ == "LayerNormalization"
    for old, new in zip(before.get_weights(), after.get_weights(), strict=True):
        assert np.isfinite(new).all() and np.abs(new - old).max() > 1e-4
    names = [type(layer).__name__ for layer in _candidate(2).to_keras3().layers]
    assert names.count("LayerNormalization") == 2 and names.count("RMSNormalization") == 1


def test_padding_takes_no_range_from_the_others_and_is_answered_as_in_training():
    assert np.isfinite(_candidate(2).reports[-1].history[-1]["loss"])
    for epochs in (0, 2):
        ranges = _candidate(epochs).quantization.ranges
        for name in ("first", "root"):
            # One step of the variance is the least that has a root; of padding it is 1000.
            least = ranges[f"{name}.variance_range_0_0"][1] / 255
            assert ranges[f"{name}.inverse_range_0_0"][1] < 1.1 * least**-0.5
    x = np.zeros((1, 6, 8), np.float32)
    trained = fake_quantization.of(_candidate(2))(x).numpy()
    runner = tflite.interpreter(_file(2), threads=1).get_signature_runner()
    (answer,) = runner(steps=x).values()
    np.testing.assert_allclose(answer, trained, atol=0.01)


def test_on_powers_of_two_as_well():
    recipe = f"{RECIPE.format(0)}, fixed_point(epochs=0)"
    candidate = Recipe.parse(recipe).apply(_network(), _task())
    data = to_tflite(candidate, "int8", _task())
    assert parity.compare(candidate, data, _task(), 16).first_divergence is None
    with pytest.raises(errors.BadInput, match="powers of two and stay"):
        Recipe.parse(f"fixed_point(epochs=0), {RECIPE.format(0)}").apply(_network(), _task())


def test_beside_float_activations_it_is_refused():
    with pytest.raises(errors.BadInput, match='"float" beside activations="float"'):
        Recipe.parse('quantize(activations="float", normalization="int8")')
    float_ones = Recipe.parse(RECIPE.format(0)).under_float_activations()
    assert str(float_ones) == 'quantize(activations="float", epochs=0)'


def test_without_it_training_and_file_keep_them_in_float():
    candidate = Recipe.parse("quantize(epochs=0)").apply(_network(), _task())
    assert set(candidate.quantization.float_layers) == {"first", "root", "last"}
    with pytest.raises(errors.BadInput, match="precision would choose others"):
        to_tflite(candidate, 'int8(precision={".*": "int8"})', _task())


def test_one_that_hands_a_mask_on_ends_in_the_tensor_of_its_last_operator():
    ids = np.random.default_rng(0).integers(0, 9, (32, 6)).astype(np.int32)
    split = task_lib.ArraySplit(ids, ids[:, 0] % 3)
    task = task_lib.Task("words", "classification", split, split, split, split)
    words = k.tf_keras.Input((6,), dtype="int32", name="words")
    x = layers.Embedding(9, 8, mask_zero=True, name="table")(words)
    x = layers.LayerNormalization(name="norm", beta_initializer="random_normal")(x)
    x = layers.Add(name="sum")([x, layers.Dense(8, name="wide")(x)])
    model = k.tf_keras.Model(words, layers.Dense(3, name="classes")(layers.Flatten()(x)))
    candidate = Recipe.parse(RECIPE.format(0)).apply(model, task)
    found = parity.compare(candidate, to_tflite(candidate, "int8", task), task)
    assert found.first_divergence is None
    by_name = {each.layer: each for each in found.layers}
    assert by_name["norm.moved"].fused == ("norm",) and by_name["sum"].operator == "ADD"


def test_a_mean_that_is_next_to_nothing_is_as_exact_as_what_it_is_taken_off():
    x = np.random.default_rng(0).normal(size=(32, 6, 8)).astype(np.float32)
    split = task_lib.ArraySplit(x - x.mean(-1, keepdims=True), np.arange(32) % 3)
    task = task_lib.Task("steps", "classification", split, split, split, split)
    steps = k.tf_keras.Input((6, 8), name="steps")
    x = layers.LayerNormalization(name="norm")(steps)
    model = k.tf_keras.Model(steps, layers.Dense(3, name="classes")(layers.Flatten()(x)))
    candidate = Recipe.parse(RECIPE.format(0)).apply(model, task)
    found = parity.compare(candidate, to_tflite(candidate, "int8", task), task)
    assert found.first_divergence is None
    assert {each.layer: each.snr_db > 40 for each in found.layers}["norm.mean"]
