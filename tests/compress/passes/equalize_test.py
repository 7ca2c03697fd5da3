"""Equalization: the function stays, ranges become alike, promises are kept."""

import itertools

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import scale_pairs
from tfedge.compress.passes import cluster, equalize, prune, quantize
from tfedge.compress.training import activation_statistics

layers = k.tf_keras.layers


@pytest.fixture
def uneven(network):
    """The tiny network with channels of very different size."""
    sizes = 10.0 ** np.linspace(-1, 1, 4)
    stem, depthwise = network.get_layer("stem"), network.get_layer("depthwise")
    stem.kernel.assign(stem.kernel * sizes)
    depthwise.depthwise_kernel.assign(depthwise.depthwise_kernel * 0.02)
    return network


def _spread(model, task, layer):
    highest = activation_statistics.highest(model, task, [layer])[layer]
    return highest.max() / highest.min()


@pytest.mark.parametrize("ranges", ["activations", "weights"])
def test_outputs_stay_and_the_input_model_too(uneven, task, ranges):
    before = [weight.copy() for weight in uneven.get_weights()]
    found = equalize.Equalize(ranges=ranges, relu6=True)(Candidate(uneven), task)
    x = task.calibration.x
    np.testing.assert_allclose(found.model(x), uneven(x), atol=1e-5)
    for old, new in zip(before, uneven.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    notes = found.reports[-1].notes
    expected = (("stem", "depthwise"), ("depthwise", "pointwise"), ("pointwise", "classes"))
    assert notes["pairs"] == expected and notes["held_below_cap"] == ("depthwise",)
    assert dict(found.reports[-1].skipped) == {}


def test_channels_of_an_activation_get_one_range_before_a_depthwise_kernel(uneven, task):
    found = equalize.Equalize()(Candidate(uneven), task)
    assert _spread(uneven, task, "stem_relu") > 20
    assert _spread(found.model, task, "stem_relu") == pytest.approx(1, rel=1e-3)


def test_weights_on_both_sides_of_a_channel_get_one_range(make_task):
    image = k.tf_keras.Input((3,), name="x")
    first, second = layers.Dense(2, "relu", name="first"), layers.Dense(2, name="second")
    model = k.tf_keras.Model(image, second(first(image)))
    first.set_weights([np.array([[8.0, 0.1], [1, 0], [0, 0]]), np.array([4.0, 1.0])])
    second.set_weights([np.array([[0.5, -2.0], [10.0, 1.0]]), np.zeros(2)])
    found = equalize.Equalize(ranges="weights")(Candidate(model), make_task((3,)))
    # s = sqrt(r1 / r2): sqrt(8 / 2) = 2 and sqrt(0.1 / 10) = 0.1
    kernel, bias = found.model.get_layer("first").get_weights()
    np.testing.assert_allclose(kernel, [[4, 1], [0.5, 0], [0, 0]], rtol=1e-5)
    np.testing.assert_allclose(bias, [2, 10], rtol=1e-5)
    kernel, _ = found.model.get_layer("second").get_weights()
    np.testing.assert_allclose(kernel, [[1, -4], [1, 0.1]], rtol=1e-5)


def test_where_a_cap_is_reached_everywhere_nothing_is_scaled(network, task):
    depthwise = network.get_layer("depthwise")
    depthwise.depthwise_kernel.assign(100 * np.ones(depthwise.depthwise_kernel.shape))
    stem = network.get_layer("stem")
    stem.kernel.assign(np.abs(stem.kernel))
    found = equalize.Equalize(relu6=True)(Candidate(network), task)
    assert ("depthwise", "pointwise") not in found.reports[-1].notes["pairs"]
    x = task.calibration.x
    np.testing.assert_allclose(found.model(x), network(x), atol=1e-5)


def test_dead_channels_do_no_harm(network, task):
    stem = network.get_layer("stem")
    kernel = stem.kernel.numpy()
    kernel[..., 0] = 0
    stem.kernel.assign(kernel)
    found = equalize.Equalize()(Candidate(network), task)
    np.testing.assert_allclose(found.model(task.train.x), network(task.train.x), atol=1e-5)


def test_zeros_survive_and_levels_where_they_can(uneven, task):
    promised = prune.Prune(epochs=0, final_sparsity=0.5)(Candidate(uneven), task)
    promised = cluster.Cluster(epochs=0, number_of_clusters=6)(promised, task)
    found = equalize.Equalize(relu6=True)(promised, task)
    assert holds.broken(found.model, found.holds) == ()
    # A depthwise kernel has one factor a channel; a dense one would need one per input.
    assert found.reports[-1].notes["pairs"] == (("stem", "depthwise"),)
    assert "levels of pointwise" in dict(found.reports[-1].skipped)["pointwise"] or (
        "levels of classes" in dict(found.reports[-1].skipped)["pointwise"]
    )
    on_grid = quantize.Quantize(epochs=0)(found, task)
    assert holds.broken(on_grid.model, found.holds) == ()


def test_pruned_kernels_are_scaled(uneven, task):
    pruned = prune.Prune(epochs=0, final_sparsity=0.5)(Candidate(uneven), task)
    found = equalize.Equalize()(pruned, task)
    assert len(found.reports[-1].notes["pairs"]) == 2
    assert holds.broken(found.model, pruned.holds) == ()


def test_before_relu6_nothing_is_scaled_unless_asked(uneven, task):
    found = equalize.Equalize()(Candidate(uneven), task)
    assert found.reports[-1].notes["pairs"] == (("stem", "depthwise"), ("pointwise", "classes"))
    apart = np.abs(found.model(100 * task.train.x) - uneven(100 * task.train.x))
    assert apart.max() < 1e-4


@pytest.mark.parametrize("settings", [{"ranges": "both"}, {"relu6": 6}, {"iterations": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(errors.BadInput, match=r"equalize\("):
        equalize.Equalize(**settings)


def test_after_quantize_it_refuses(network, task):
    quantized = quantize.Quantize(epochs=0)(Candidate(network), task)
    with pytest.raises(errors.BadInput, match="Put equalize before quantize"):
        equalize.Equalize()(quantized, task)


def test_a_model_without_pairs_is_left_as_it_is(make_task):
    image = k.tf_keras.Input((4,), name="x")
    model = k.tf_keras.Model(image, layers.Dense(3, "softmax", name="out")(image))
    assert scale_pairs.find(model)[0] == ()
    report = equalize.Equalize()(Candidate(model), make_task((4,))).reports[-1]
    assert report.touched == () and set(dict(report.skipped)) == {"out"}


def test_pairs_in_a_row_are_swept_until_they_rest(make_task):
    """What one pair takes is another's: the largest weights on both sides agree in the end."""
    image = k.tf_keras.Input((3,), name="x")
    chain = [layers.Dense(2, "relu", name=f"dense_{n}") for n in range(3)]
    x = image
    for each in chain:
        x = each(x)
    model = k.tf_keras.Model(image, layers.Dense(2, name="out")(x))
    rng = np.random.default_rng(0)
    for each in model.layers[1:]:
        kernel = rng.normal(size=each.kernel.shape) * 10.0 ** rng.integers(-1, 2, (1, 2))
        each.set_weights([kernel, np.zeros(2)])
    once, whole = (
        equalize.Equalize(ranges="weights", iterations=n)(Candidate(model), make_task((3,)))
        for n in (1, 50)
    )
    assert once.reports[-1].notes["sweeps"] == 1 and 2 < whole.reports[-1].notes["sweeps"] < 50
    kernels_of = [np.abs(each.kernel.numpy()) for each in whole.model.layers[1:]]
    for made, read in itertools.pairwise(kernels_of):
        np.testing.assert_allclose(made.max(axis=0), read.max(axis=1), rtol=5e-3)
    assert equalize.Equalize().iterations == 50


@pytest.mark.parametrize(
    ("over", "under", "root"),
    [
        ([4.0, 9.0], [1.0, 1.0], [2.0, 3.0]),
        ([4.0, 0.0, 16.0], [1.0, 5.0, 1.0], [2.0, np.sqrt(8), 4.0]),  # dead: as the others
        ([4.0, 9.0], [0.0, 1.0], [3.0, 3.0]),
        ([0.0, 0.0], [1.0, 1.0], [1.0, 1.0]),
    ],
)
def test_roots_of_ratios(over, under, root):
    found = equalize._root_of_ratio(np.array(over), np.array(under))
    np.testing.assert_allclose(found, root, rtol=1e-6)


def test_factors_stay_within_bounds_and_below_caps():
    free = scale_pairs.Link("a", "b", "c", None)
    found = equalize._limited(np.array([1e-4, 5.0, 1e4]), free, np.ones(3))
    np.testing.assert_allclose(found, [0.01, 5.0, 100.0])
    capped = scale_pairs.Link("a", "b", "c", 6.0)
    # Up to 3, half of the cap, there is room; 1.5 may be doubled, 2.7 grow by a ninth.
    wanted, seen = np.full(5, 1e-3), np.array([0.0, 1.5, 2.7, 3.0, 3.1])
    np.testing.assert_allclose(equalize._limited(wanted, capped, seen), [0.5, 0.5, 0.9, 1, 1])
    np.testing.assert_allclose(equalize._limited(np.full(5, 7.0), capped, seen), [7, 7, 7, 7, 1])


def test_links_below_their_caps():
    links = [
        scale_pairs.Link(name, "b", f"of_{name}", cap) for name, cap in (("a", None), ("c", 6.0))
    ]
    for highest, kept in (([3.0, 9.0], ["a", "c"]), ([3.1, 9.0], ["a"])):
        found, reasons = equalize._below_caps(links, {"of_c": np.array(highest)}, True)
        assert [each.first for each in found] == kept and len(reasons) == 2 - len(kept)
    found, reasons = equalize._below_caps(links, {"of_c": np.zeros(2)}, False)
    assert [each.first for each in found] == ["a"]
    assert reasons == {"c": "of_c is cut at 6; see relu6=True"}
