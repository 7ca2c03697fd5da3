"""Kernels of signs: the promise, the nearest scales, the passes that train them."""

import numpy as np
import pytest

from tfedge import errors, pack, to_tflite
from tfedge.compress import holds
from tfedge.compress.candidate import Candidate
from tfedge.compress.holds import Grid, Levels, Signs, Zeros
from tfedge.compress.layers import kernels
from tfedge.compress.passes import binary, cluster, prune, quantize, ternary
from tfedge.compress.recipe import Recipe
from tfedge.compress.training import sign_training
from tfedge.device.file import tflite

SHORT = {"epochs": 1, "learning_rate": 1e-2}
ALL = {".*": {"per_channel": True}}


def _signs(weights, zero_below=0.7, per_channel=True):
    return sign_training.nearest("layer", "Dense", np.array(weights), zero_below, per_channel)


def test_ternary_scale_is_the_mean_of_what_is_above_the_threshold():
    signs = _signs([[0.1], [-1.0], [0.5], [0.0]])
    assert signs.channel_scales.item() == 0.75
    assert signs.thresholds.item() == pytest.approx(0.7 * 1.6 / 3)
    kernel = np.array([[0.1], [-1.0], [0.5], [0.0]], np.float32)
    assert holds.project(kernel, (signs,)).ravel().tolist() == [0, -0.75, 0.75, 0]


def test_binary_scale_is_the_mean_magnitude_and_zero_is_positive():
    signs = _signs([[0.5, 4.0], [-1.5, 4.0], [1.0, -4.0]], None)
    assert signs.channel_scales.tolist() == [[1.0, 4.0]]
    kernel = np.array([[0.5, 4.0], [-1.5, 0.0], [1.0, -4.0]], np.float32)
    assert holds.project(kernel, (signs,)).tolist() == [[1, 4], [-1, 4], [1, -4]]


def test_one_scale_for_all_channels():
    assert _signs([[1.0, 3.0]], None, per_channel=False).channel_scales.tolist() == [[2.0]]


@pytest.mark.parametrize("zero_below", [None, 0.7])
def test_projecting_again_changes_nothing(zero_below):
    kernel = np.random.default_rng(0).normal(0, 0.1, (30, 8)).astype(np.float32)
    once = holds.project(kernel, (_signs(kernel, zero_below),))
    assert np.array_equal(holds.project(once, (_signs(once, zero_below),)), once)


def test_a_dead_channel_stays_next_to_nothing():
    for zero_below in (None, 0.7):
        signs = _signs([[0.0, 1.0], [0.0, -1.0]], zero_below)
        found = holds.project(np.array([[0, 1.0], [0, -1.0]], np.float32), (signs,))
        assert np.abs(found[:, 0]).max() < 1e-5


@pytest.mark.parametrize(
    ("values", "ternary_kept", "binary_kept"),
    [
        ([[1, -1, 1], [1, 1, -1]], True, True),
        ([[1, 0, -1], [5, 0, -5]], True, False),
        ([[1, 2, -1], [1, 0, -1]], False, False),
    ],
)
def test_signs_are_read_in_codes(values, ternary_kept, binary_kept):
    codes, one = np.array(values, np.int8), np.ones((1, 2), np.float32)
    assert Signs("layer", "Dense", one, one / 2).read(codes, 0)[2] == ternary_kept
    assert Signs("layer", "Dense", one, None).read(codes, 0)[2] == binary_kept


def test_new_scales_make_the_scale_a_whole_number_of_them():
    signs = _signs([[1.0, 2.0], [1.0, -2.0]])
    moved = signs.rescaled(np.array([[0.3, 0.3]], np.float32), 7)
    assert np.allclose(moved.channel_scales, [[0.9, 2.1]])


def test_what_is_left_after_a_cut_keeps_its_own_scales():
    assert _signs([[1.0, 2.0, 3.0]]).taken(1, np.array([0, 2])).channel_scales.tolist() == [[1, 3]]


def test_a_promise_of_signs_is_stronger_than_one_of_few_values():
    one = np.ones((1, 1), np.float32)
    levels = Levels("layer", "Dense", one, np.array([[-1, 0, 1]]), 3)
    three, two = Signs("layer", "Dense", one, one / 2), Signs("layer", "Dense", one, None)
    assert three.implies(levels) and two.implies(three)
    assert not levels.implies(three) and not three.implies(two)


@pytest.mark.parametrize("kind", [ternary.Ternary, binary.Binary])
def test_first_last_and_depthwise_layers_are_left_alone_unless_named(network, task, kind):
    report = kind(epochs=0)(Candidate(network), task).reports[-1]
    assert report.touched == ("pointwise",)
    assert set(dict(report.skipped)) == {"stem", "depthwise", "classes"}
    named = kind(epochs=0, rules={"stem": {"per_channel": False}})(Candidate(network), task)
    assert named.reports[-1].touched == ("stem", "pointwise")


@pytest.mark.parametrize("before", [True, False], ids=["quantize_first", "quantize_last"])
@pytest.mark.parametrize("kind", [ternary.Ternary, binary.Binary])
def test_the_file_holds_minus_one_zero_and_one(network, task, kind, before):
    passes = [kind(rules=ALL, **SHORT), quantize.Quantize(**SHORT)]
    candidate = Candidate(network)
    for each in reversed(passes) if before else passes:
        candidate = each(candidate, task)
    file = tflite.read(to_tflite(candidate, "int8", task))
    allowed = {-1, 1} | ({0} if kind is ternary.Ternary else set())
    assert len(file.kernels()) == 4
    for kernel in file.kernels():
        assert set(np.unique(kernel.tensor.values())) <= allowed


def test_four_bits_are_ternary_in_four_bit_kernels(network, task):
    recipe = Recipe((ternary.Ternary(rules=ALL, **SHORT), quantize.Quantize(bits=4, **SHORT)))
    content = to_tflite(recipe.apply(network, task), "int4", task)
    assert {kernel.tensor.dtype for kernel in tflite.read(content).kernels()} == {"INT4"}
    assert len(pack(content)) < len(content)


def test_pruned_weights_stay_zero(network, task):
    pruned = prune.Prune(final_sparsity=0.6, epochs=0)(Candidate(network), task)
    trained = ternary.Ternary(**SHORT)(pruned, task)
    assert holds.broken(trained.model, (*pruned.holds, *trained.holds)) == ()
    later = prune.Prune(final_sparsity=0.8, **SHORT)(trained, task)
    kernel = next(k for k in kernels.find(later.model) if k.layer == "pointwise").numpy()
    assert np.mean(kernel == 0) >= 0.75


def test_binary_weights_and_zeros_refuse_each_other(network, task):
    pruned = prune.Prune(epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="a binary weight has none"):
        binary.Binary(epochs=0)(pruned, task)
    trained = binary.Binary(epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="never zero"):
        prune.Prune(epochs=0)(trained, task)
    kept = prune.Prune(epochs=0, rules={"pointwise": None})(trained, task)
    assert {type(hold) for hold in kept.holds} == {Signs, Zeros}


def test_clusters_come_before_signs(network, task):
    trained = ternary.Ternary(epochs=0)(Candidate(network), task)
    for count in (2, 3, 16):
        with pytest.raises(errors.BadInput, match="already promises 3 values"):
            cluster.Cluster(number_of_clusters=count, epochs=0)(trained, task)
    clustered = cluster.Cluster(number_of_clusters=2, epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="already promises 2 values"):
        ternary.Ternary(epochs=0)(clustered, task)


def test_an_earlier_grid_takes_the_signs_scales(network, task):
    trained = ternary.Ternary(epochs=0)(quantize.Quantize(epochs=0)(Candidate(network), task), task)
    found = {type(hold): hold for hold in trained.holds if hold.layer == "pointwise"}
    assert np.array_equal(found[Grid].frozen, found[Signs].channel_scales)


def test_scales_have_short_mantissas():
    kernel = np.random.default_rng(1).normal(0, 0.1, (30, 8)).astype(np.float32)
    mantissas = np.frexp(_signs(kernel).channel_scales)[0] * 32
    assert np.array_equal(mantissas, np.round(mantissas))


@pytest.mark.parametrize("threshold", [0, 2, -1.0, True, float("nan")])
def test_thresholds_out_of_range_are_refused(threshold):
    with pytest.raises(errors.BadInput, match="threshold"):
        ternary.Ternary(threshold=threshold)


def test_a_model_of_two_layers_is_refused_with_the_way_out(task):
    from tfedge.compress import keras as k

    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(2, 3, name="one")(image)
    model = k.tf_keras.Model(image, layers.Dense(3, name="two")(layers.Flatten()(x)))
    with pytest.raises(errors.BadInput, match="Name layers by a rule"):
        ternary.Ternary()(Candidate(model), task)
