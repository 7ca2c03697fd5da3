import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import holds, kernels
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import cluster, quantize

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
    model = k.tf_keras.Model(image, layers.Dense(3, name="classes")(x))
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
    "settings", [{"bits": 4}, {"bits": "8"}, {"rules": {"stem": None}}, {"epochs": None}]
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"quantize\("):
        quantize.Quantize(**settings)
