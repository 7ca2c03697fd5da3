import numpy as np
import pytest

from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.graph import scaled_norms
from tfedge.compress.passes import cluster, equalize, prune
from tfedge.compress.training import activation_statistics

layers = k.tf_keras.layers


def _network(norm=None, behind=None):
    """Dense, normalization with one channel 60 times as large, two kernels that read it."""
    k.tf_keras.utils.set_random_seed(3)
    steps = k.tf_keras.Input((6, 6), name="steps")
    is_uneven, norm = norm is None, norm or layers.LayerNormalization(name="norm", epsilon=1e-6)
    normed = norm(layers.Dense(6, name="first")(steps))
    if behind is not None:
        normed = behind(normed)
    wide, gate = layers.Dense(8, "gelu", name="wide"), layers.Dense(8, "sigmoid", name="gate")
    mixed = layers.Multiply()([wide(normed), gate(normed)])
    x = layers.GlobalAveragePooling1D()(mixed)
    model = k.tf_keras.Model(steps, layers.Dense(3, name="classes")(x))
    sizes = np.array([1, 1, 60, 1, 1, 1], np.float32)
    if is_uneven:
        norm.gamma.assign(norm.gamma * sizes)
        norm.beta.assign(0.3 * sizes)
        for each in (wide, gate):
            each.kernel.assign(each.kernel / sizes[:, None])
    return model


def _task(make_task):
    return make_task((6, 6))


def _spread(model, task):
    highest = activation_statistics.highest(model, task, ["norm"])["norm"]
    return highest.max() / np.median(highest)


def test_a_normalization_takes_the_factor_of_all_kernels_behind_it(make_task):
    model, task = _network(), _task(make_task)
    assert scaled_norms.find(model)[0] == (scaled_norms.Norm("norm", ("wide", "gate")),)
    found = equalize.Equalize()(Candidate(model), task)
    np.testing.assert_allclose(found.model(task.train.x), model(task.train.x), atol=1e-5)
    assert _spread(model, task) > 30 and _spread(found.model, task) < 3
    report = found.reports[-1]
    assert report.notes["normalizations"] == {"norm": ("wide", "gate")}
    assert report.touched == ("norm", "wide", "gate") and "norm" not in dict(report.skipped)


def test_a_factor_is_the_root_of_activation_over_weight(make_task):
    task = _task(make_task)
    model, _ = folding.fold(_network())  # the offset is in the biases of the kernels from then on
    found = equalize.Equalize()(Candidate(model), task).model
    seen = activation_statistics.highest(model, task, ["norm"])["norm"]
    names = ("wide", "gate")
    reads = np.max([np.abs(model.get_layer(n).kernel).max(axis=1) for n in names], axis=0)
    wanted = np.sqrt(seen / reads)
    wanted /= np.exp(np.mean(np.log(wanted)))
    before, after = model.get_layer("norm"), found.get_layer("norm")
    np.testing.assert_allclose(before.gamma / after.gamma, wanted, rtol=1e-5)
    assert not before.center and not after.center
    for name in names:
        moved = found.get_layer(name).kernel / model.get_layer(name).kernel
        np.testing.assert_allclose(moved, np.repeat(wanted[:, None], 8, 1), rtol=1e-5)


def test_by_weights_alone_it_stays(make_task):
    model = _network()
    found = equalize.Equalize(ranges="weights")(Candidate(model), _task(make_task))
    np.testing.assert_array_equal(
        found.model.get_layer("norm").gamma, model.get_layer("norm").gamma
    )


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (lambda: _network(layers.LayerNormalization(scale=False, name="norm")), "no factor for"),
        (lambda: _network(layers.LayerNormalization(axis=1, name="norm")), "no factor for"),
        (lambda: _network(behind=layers.Activation("tanh", name="curve")), "curve, which reads"),
    ],
)
def test_others_are_left_with_the_reason(network, reason, make_task):
    model = network()
    norms, reasons = scaled_norms.find(model)
    assert norms == () and reason in reasons["norm"]
    report = equalize.Equalize()(Candidate(model), _task(make_task)).reports[-1]
    assert reason in dict(report.skipped)["norm"]


def test_zeros_stay_and_clusters_forbid_it(make_task):
    model, task = _network(), _task(make_task)
    pruned = prune.Prune(final_sparsity=0.5, epochs=0)(Candidate(model), task)
    found = equalize.Equalize()(pruned, task)
    assert found.reports[-1].notes["normalizations"] == {"norm": ("wide", "gate")}
    clustered = cluster.Cluster(number_of_clusters=4, epochs=0)(Candidate(model), task)
    report = equalize.Equalize()(clustered, task).reports[-1]
    assert report.notes["normalizations"] == {} and "promised" in dict(report.skipped)["norm"]
