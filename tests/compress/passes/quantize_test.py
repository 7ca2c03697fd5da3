import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, quantize
from tfedge.compress.recipe import Recipe
from tfedge.device.file import tflite

layers = k.tf_keras.layers


def test_every_kernel_lies_on_its_int8_grid_and_every_activation_has_a_range(network, task):
    quantized = quantize.Quantize(epochs=1, learning_rate=1e-2)(Candidate(network), task)
    assert {hold.layer for hold in quantized.holds} == {"stem", "depthwise", "pointwise", "classes"}
    for layer, codes in quantized.codes().items():
        assert codes.codes.dtype == np.int8 and np.abs(codes.codes).max() == 127, layer
    # ReLUs carry the range of what they are fused with; softmax has a fixed one.
    assert set(quantized.quantization.ranges) == {
        f"{name}_range_0_0"
        for name in ("image", "stem_relu", "depthwise_relu", "pointwise", "classes")
    }
    assert quantized.quantization.bits == 8
    report = quantized.reports[-1]
    assert report.notes["folded"] == ("stem_bn", "depthwise_bn") and report.skipped == ()
    assert len(report.history) == 1


def test_training_moves_weights_and_ranges(network, task):
    calibrated = quantize.Quantize(epochs=0)(Candidate(network), task)
    trained = quantize.Quantize(epochs=2, learning_rate=1e-2)(Candidate(network), task)
    assert trained.quantization.ranges != calibrated.quantization.ranges
    assert np.any(trained.codes()["stem"].codes != calibrated.codes()["stem"].codes)


def test_frozen_scales_of_an_earlier_pass_are_used(network, task):
    clustered = cluster.Cluster(number_of_clusters=4, epochs=0)(Candidate(network), task)
    quantized = quantize.Quantize(epochs=1, learning_rate=1e-2)(clustered, task)
    assert holds.broken(quantized.model, clustered.holds) == ()
    for hold in clustered.holds:
        np.testing.assert_array_equal(
            quantized.codes()[hold.layer].scales, hold.channel_scales.reshape(-1)
        )


def test_a_standalone_norm_becomes_a_convolution_others_stay_float(make_task):
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.BatchNormalization(name="pre")(layers.ReLU()(image))
    x = layers.BatchNormalization(name="flat")(layers.Flatten()(x))
    model = k.tf_keras.Model(image, layers.Dense(3, name="classes")(layers.ReLU()(x)))
    report = quantize.Quantize(epochs=1)(Candidate(model), make_task()).reports[-1]
    assert report.notes["batch_normalization_as_convolution"] == ("pre",)
    assert dict(report.skipped) == {"flat": "BatchNormalization has no int8 form as one operator"}
    assert "pre" in report.touched and "flat" not in report.touched


def test_a_shared_layer_is_quantized_once(make_task):
    image, shared = k.tf_keras.Input((4,), name="x"), layers.Dense(4, "relu", name="shared")
    model = k.tf_keras.Model(image, layers.Dense(3, name="out")(shared(shared(image))))
    quantized = quantize.Quantize(epochs=1)(Candidate(model), make_task((4,)))
    assert len(kernels.find(quantized.model)) == len(quantized.holds) == 2
    assert len([name for name in quantized.quantization.ranges if "shared" in name]) == 2


def test_quantizing_again_goes_on_from_the_learned_model(network, task):
    once = quantize.Quantize(epochs=0)(Candidate(network), task)
    twice = quantize.Quantize(epochs=1)(once, task)
    assert len(twice.holds) == len(once.holds)
    assert set(twice.quantization.ranges) == set(once.quantization.ranges)


@pytest.mark.parametrize(
    "settings",
    [
        {"bits": 1},
        {"bits": 9},
        {"bits": "8"},
        {"rules": {"stem": None}},
        {"rules": {"stem": {"bits": 16}}},
        {"epochs": None},
    ],
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"quantize\("):
        quantize.Quantize(**settings)


def test_a_layer_of_4_bits_trains_on_scales_that_clip(network, task):
    quantized = quantize.Quantize(bits=4, epochs=1, learning_rate=1e-2)(Candidate(network), task)
    assert quantized.quantization.bits == 4 and quantized.exports == ("int4",)
    for hold in quantized.holds:
        assert (hold.bits, hold.frozen.shape) == (4, hold.scales(None).shape)
    for layer, codes in quantized.codes().items():
        assert np.abs(codes.codes).max() <= 7, layer
    assert any(np.any(np.abs(codes.codes) == 7) for codes in quantized.codes().values())
    assert holds.broken(quantized.model, quantized.holds) == ()


def test_rules_give_layers_their_own_bits_and_the_route_follows_the_default(network, task):
    mixed = quantize.Quantize(
        bits=4, epochs=1, rules={"stem|classes": {"bits": 8}, "d.*": {"bits": 3}}
    )
    assert mixed.exports == ("int4",) and quantize.Quantize(bits=5).exports == ("int8",)
    quantized = mixed(Candidate(network), task)
    bits = {hold.layer: hold.bits for hold in quantized.holds}
    assert bits == {"stem": 8, "depthwise": 3, "pointwise": 4, "classes": 8}
    assert quantized.reports[-1].notes["bits"] == bits
    file = tflite.read(to_tflite(quantized, "int4", task))
    stored = {kernel.tensor.name: kernel.tensor for kernel in file.kernels()}
    assert {name: tensor.dtype for name, tensor in stored.items()} == {
        "stem": "INT8", "depthwise": "INT4", "pointwise": "INT4", "classes": "INT8"
    }  # fmt: skip
    for hold in quantized.holds:
        tensor = stored[hold.layer]
        assert hold.read(tensor.values(), tensor.channel_axis, tensor.scales)[2]


def test_an_export_that_contradicts_the_bits_is_refused(network, task):
    quantized = quantize.Quantize(bits=4, epochs=0)(Candidate(network), task)
    for route in ("int8", "float32"):
        with pytest.raises(errors.BadInput, match="int4"):
            to_tflite(quantized, route, task)
        with pytest.raises(errors.BadInput, match="contradicts"):
            Recipe.parse("quantize(bits=4)").check_export(route)
    Recipe.parse("quantize(bits=4)").check_export("int4")


def test_more_bits_than_promised_are_refused(network, task):
    quantized = quantize.Quantize(bits=4, epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="already promises 4 bits"):
        quantize.Quantize(epochs=0)(quantized, task)
    assert quantize.Quantize(bits=3, epochs=0)(quantized, task).holds[0].bits == 3
