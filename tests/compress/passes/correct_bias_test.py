"""Bias correction: channel means come back, kernels and promises stay."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, correct_bias, quantize
from tfedge.compress.training import activation_statistics

layers = k.tf_keras.layers


def _rounded(model, bits):
    """A model's kernels put on the grid of an export."""
    for kernel in kernels.find(model):
        grid = holds.Grid(kernel.layer, kernel.layer_class, bits)
        kernel.variable.assign(holds.project(kernel.numpy(), (grid,)))
    return model


@pytest.mark.parametrize("bits", [8, 4])
def test_the_mean_of_each_output_comes_back(network, randomised, task, bits):
    model = randomised(network)
    model.get_layer("classes").activation = k.tf_keras.activations.linear
    wanted = activation_statistics.means(model, ["classes"])(task)["classes"]
    plain = correct_bias.folding.fold(model)[0]
    uncorrected = activation_statistics.means(_rounded(plain, bits), ["classes"])(task)["classes"]
    found = correct_bias.CorrectBias(bits=bits)(Candidate(model), task)
    corrected = activation_statistics.means(_rounded(found.model, bits), ["classes"])(task)[
        "classes"
    ]
    assert np.abs(corrected - wanted).max() < 0.05 * np.abs(uncorrected - wanted).max()
    notes = found.reports[-1].notes
    for layer in ("stem", "depthwise", "pointwise", "classes"):
        assert notes["shift_after"][layer] < 0.05 * notes["shift_before"][layer] + 1e-6


def test_one_neuron_by_hand(make_task):
    image = k.tf_keras.Input((2,), name="x")
    dense = layers.Dense(3, use_bias=False, name="dense")
    model = k.tf_keras.Model(image, dense(image))
    dense.set_weights([np.array([[7.0, 3.0, 1.0], [2.4, 3.0, 0.45]])])
    task = make_task((2,))
    found = correct_bias.CorrectBias(bits=4)(Candidate(model), task)
    kernel, bias = found.model.get_layer("dense").get_weights()
    np.testing.assert_array_equal(kernel, dense.get_weights()[0])
    # With 7 steps 2.4 is 2 of scale 1, both 3.0 are 7 and 0.45 is 3.
    mean = task.calibration.x.mean(axis=0)
    np.testing.assert_allclose(bias, mean[1] * np.array([0.4, 0.0, 0.45 - 3 / 7]), atol=1e-5)
    assert found.reports[-1].touched == ("dense",)


def test_layers_without_a_bias_get_one_and_names_stay(network, task):
    found = correct_bias.CorrectBias()(Candidate(network), task)
    assert found.model.output_names == network.output_names
    assert all(found.model.get_layer(kernel.layer).use_bias for kernel in kernels.find(found.model))
    assert not network.get_layer("stem").use_bias
    np.testing.assert_allclose(found.model(task.train.x), network(task.train.x), atol=0.05)


def test_kernels_on_their_integers_need_no_correction(network, task):
    clustered = cluster.Cluster(epochs=0, number_of_clusters=6)(Candidate(network), task)
    found = correct_bias.CorrectBias()(clustered, task)
    assert holds.broken(found.model, clustered.holds) == ()
    for layer in found.reports[-1].touched:
        assert found.reports[-1].notes["shift_before"][layer] < 1e-4


def test_a_shared_layer_is_corrected_once(make_task):
    image, shared = k.tf_keras.Input((4,), name="x"), layers.Dense(4, "relu", name="shared")
    model = k.tf_keras.Model(image, layers.Dense(3, name="out")(shared(shared(image))))
    report = correct_bias.CorrectBias(bits=4)(Candidate(model), make_task((4,))).reports[-1]
    assert report.touched == ("shared", "out")


def test_after_quantize_it_refuses(network, task):
    quantized = quantize.Quantize(epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="post-training"):
        correct_bias.CorrectBias()(quantized, task)


@pytest.mark.parametrize("bits", [1, 9, 8.0, True])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(errors.BadInput, match=r"correct_bias\(bits"):
        correct_bias.CorrectBias(bits=bits)
