import dataclasses

import numpy as np
import pytest
import running

import tfedge
from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.errors import BadInput
from tfedge.export import parity, routes
from tfedge.export.parity import snr
from tfedge.export.tree import flatbuffer, operators


def broken(data, name):
    """The file with the channels of one layer's kernel in reverse order."""
    model = flatbuffer.unpack(data)
    found = next(
        o
        for o in operators.weighted(model)
        if o.graph.tensors[o.kernel].name.decode().split(";")[0] == name
    )
    tensor = found.graph.tensors[found.kernel]
    values = np.flip(operators.values(model, tensor), found.channel_axis)
    operators.set_values(model, tensor, np.ascontiguousarray(values))
    return flatbuffer.pack(model)


def test_decibels():
    signal = np.array([1.0, -1.0, 1.0, -1.0])
    assert snr.decibels(signal, signal * 1.1) == pytest.approx(20.0)
    assert snr.decibels(signal, signal * 1.1, beside=signal * 10) == pytest.approx(40.0)
    assert snr.decibels(signal, signal * 1.1, beside=signal / 10) == pytest.approx(20.0)
    assert snr.decibels(signal, signal) == snr.EXACT_DB
    assert snr.decibels(signal, signal * np.nan) == -snr.EXACT_DB
    assert snr.decibels(signal * 0, signal) == -snr.EXACT_DB


@pytest.mark.parametrize("route", [r for r in routes.names() if r != "int4"])
def test_every_layer_is_paired_and_none_diverges(converted, model, task, route):
    found = parity.compare(model, converted[route], task)
    assert found.first_divergence is None and found.skipped == ()
    computed = [layer for layer in found.layers if layer.layer != "image"]
    assert [layer.layer for layer in computed] == [
        *("stem", "depthwise", "pointwise", "pool", "head", "probabilities"),
    ]
    assert [len(layer.fused) for layer in computed] == [2, 2, 0, 0, 0, 0]
    least = 100 if route == "float32" else 15
    assert all(layer.snr_db > least for layer in computed)


@pytest.mark.parametrize(
    ("route", "name"), [("int8", n) for n in running.LAYERS] + [("float32", "depthwise")]
)
def test_a_broken_layer_is_named(converted, model, task, name, route):
    found = parity.compare(model, broken(converted[route], name), task)
    assert found.first_divergence.layer == name
    assert found.to_json()["first_divergence"] == name
    before = [layer.layer for layer in found.layers]
    assert not any(layer.diverges for layer in found.layers[: before.index(name)])


def test_a_candidate_is_compared_with_its_fake_quantization(model, task):
    folded, _ = folding.fold(model)
    ranges = fake_quantization.calibrate(folded, task)
    candidate = Candidate(folded, quantization=Quantization(ranges))
    data = tfedge.to_tflite(candidate, "int8", task)
    found = parity.compare(candidate, data, task)
    assert found.first_divergence is None and found.skipped == ()
    assert parity.compare(candidate, broken(data, "pointwise"), task).first_divergence.layer == (
        "pointwise"
    )
    # Another range than the one in the file is a mistake, and it is seen where it is made.
    wrong = dict(ranges, pointwise_range_0_0=(0.0, ranges["pointwise_range_0_0"][1] / 4))
    other = dataclasses.replace(candidate, quantization=Quantization(wrong))
    assert parity.compare(other, data, task).first_divergence.layer == "pointwise"


def test_branches_and_layers_of_several_operators(task):
    layers = k.tf_keras.layers
    k.tf_keras.utils.set_random_seed(0)
    image = layers.Input((6, 6, 1), name="image")
    left = layers.Conv2D(4, 3, padding="same", name="left")(image)
    right = layers.Conv2D(4, 1, activation="swish", name="right")(image)
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([left, right]))
    x = layers.Concatenate(name="both")([x, left])
    x = layers.Flatten()(layers.MaxPooling2D(name="pooled")(x))
    network = k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))
    found = parity.compare(network, tfedge.to_tflite(network, "int8", task), task)
    assert found.first_divergence is None, found.first_divergence
    operator = {layer.layer: layer.operator for layer in found.layers}
    assert operator["sum"] == "ADD" and operator["both"] == "CONCATENATION"
    assert operator["pooled"] == "MAX_POOL_2D" and operator["classes_activation"] == "SOFTMAX"
    assert operator["right_activation"] == "MUL"


def test_what_a_loop_keeps_to_itself_is_left_out_and_the_rest_is_compared():
    layers = k.tf_keras.layers
    k.tf_keras.utils.set_random_seed(0)
    given = layers.Input((5, 3), name="given")
    recurrent = layers.GRU(4, name="recurrent")(layers.Dense(3, "relu", name="before")(given))
    network = k.tf_keras.Model(given, layers.Dense(2, name="after")(recurrent))
    x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype(np.float32)
    split = ArraySplit(x, np.arange(8) % 2)
    sequences = Task("sequences", "classification", split, split, split)
    data = tfedge.to_tflite(network, "float32", sequences)
    found = parity.compare(network, data, sequences)
    assert found.first_divergence is None and found.skipped == ()
    operator = {layer.layer: layer.operator for layer in found.layers}
    assert list(operator) == ["given", "before", "recurrent", "after"]
    assert operator["recurrent"] == "WHILE"
    assert all(layer.snr_db > 100 for layer in found.layers)
    other = parity.compare(network, broken(data, "after"), sequences)
    assert other.first_divergence.layer == "after"


def test_a_file_of_another_model_is_refused(converted, task):
    layers = k.tf_keras.layers
    two = [layers.Input((2,), name=name) for name in ("a", "b")]
    other = k.tf_keras.Model(two, layers.Dense(1)(layers.Concatenate()(two)))
    with pytest.raises(BadInput, match="its inputs are image"):
        parity.compare(other, converted["int8"], task)


def test_a_file_for_other_shapes_is_refused(converted, task):
    larger = k.tf_keras.Sequential(
        [
            k.tf_keras.layers.Input((3, 5, 2), name="image"),
            k.tf_keras.layers.Flatten(),
            k.tf_keras.layers.Dense(2),
        ]
    )
    x = np.zeros((4, 3, 5, 2), np.float32)
    split = ArraySplit(x, np.arange(4) % 2)
    other = dataclasses.replace(
        task,
        train=split,
        calibration=split,
        validation=split,
        holdout=None,
        normalization=Normalization(),
    )
    with pytest.raises(BadInput, match=r"its input image is .*, the model's is \(1, 3, 5, 2\)"):
        parity.compare(larger, converted["float32"], other)


def test_factors_that_went_into_the_next_kernel_are_no_mistake():
    random = np.random.default_rng(0)
    x = k.tf_keras.Input((6,), name="x")
    hidden = k.tf_keras.layers.Dense(16, name="hidden")(x)
    norm = k.tf_keras.layers.LayerNormalization(name="norm")
    head = k.tf_keras.layers.Dense(3, name="head", bias_initializer="ones")
    model = k.tf_keras.Model(x, head(norm(hidden)))
    norm.set_weights([random.uniform(0.2, 3, 16), random.normal(size=16)])
    rows = random.normal(size=(64, 6)).astype(np.float32)
    split = ArraySplit(rows, np.asarray(model(rows)))
    given = Task("norm", "regression", split, split, split, split)
    found = parity.compare(model, tfedge.to_tflite(model, "int8", given), given)
    rows = {layer.layer: layer.snr_db for layer in found.layers}
    assert rows["norm"] < 15 and rows["head"] > 30
    assert found.first_divergence is None
