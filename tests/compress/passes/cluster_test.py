import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import folding, holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.integers import centroids
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, prune

layers = k.tf_keras.layers


def _rows(candidate, layer):
    """(channels, weights) of a kernel as it lies in the file, in units of its frozen scales."""
    kernel = next(kernel for kernel in kernels.find(candidate.model) if kernel.layer == layer)
    codes = candidate.codes()[layer].codes
    return np.moveaxis(codes, kernels.deployed_channel_axis(kernel.layer_class), 0).reshape(
        codes.shape[kernels.deployed_channel_axis(kernel.layer_class)], -1
    )


def _distinct(candidate):
    """Layer -> most distinct values in a channel of the float kernel, in the file's layout."""
    found = {}
    for kernel in kernels.find(candidate.model):
        axis = kernels.deployed_channel_axis(kernel.layer_class)
        rows = np.moveaxis(kernels.deployed(kernel.layer_class, kernel.numpy()), axis, 0)
        found[kernel.layer] = max(len(np.unique(row)) for row in rows)
    return found


@pytest.mark.parametrize("per_channel", [False, True])
def test_every_channel_has_few_values_the_zero_among_its_levels(network, task, per_channel):
    clustered = cluster.Cluster(
        number_of_clusters=5, cluster_per_channel=per_channel, epochs=1, learning_rate=1e-2
    )(Candidate(network), task)
    assert set(_distinct(clustered)) == {"stem", "depthwise", "pointwise", "classes"}
    assert max(_distinct(clustered).values()) <= 5
    assert clustered.reports[-1].notes["folded"] == ("stem_bn", "depthwise_bn")
    for hold in clustered.holds:
        rows = hold.levels.shape[0]
        channels = hold.channel_scales.size
        assert rows == (channels if per_channel else 1)
        assert np.all(np.any(hold.levels == 0, axis=1)), "a level must stay zero"
    shared = set(np.unique(_rows(clustered, "pointwise")))
    assert (len(shared) <= 5) != per_channel


@pytest.mark.parametrize("initialization", centroids.INITIALIZATIONS)
def test_every_initialization_keeps_the_zero(network, task, initialization):
    clustered = cluster.Cluster(
        number_of_clusters=4, cluster_centroids_init=initialization, epochs=0
    )(Candidate(network), task)
    assert all(0 in hold.levels for hold in clustered.holds)
    assert max(_distinct(clustered).values()) <= 4


def test_zeros_stay_zero(network, task):
    pruned = prune.Prune(final_sparsity=0.6, epochs=0)(Candidate(network), task)
    clustered = cluster.Cluster(number_of_clusters=4, epochs=1, learning_rate=1e-2)(pruned, task)
    assert holds.broken(clustered.model, pruned.holds) == ()
    assert max(_distinct(clustered).values()) <= 4


def test_a_dead_channel_and_a_dead_kernel(network, task):
    kernel = network.get_layer("pointwise").kernel
    alive = np.ones(kernel.shape, np.float32)
    alive[..., 2] = 0
    kernel.assign(kernel * alive)
    network.get_layer("classes").kernel.assign(network.get_layer("classes").kernel * 0)
    for initialization in centroids.INITIALIZATIONS:
        clustered = cluster.Cluster(
            cluster_centroids_init=initialization, cluster_per_channel=True, epochs=0
        )(Candidate(network), task)
        assert all(np.all(np.isfinite(weight)) for weight in clustered.model.get_weights())
        assert not np.any(clustered.model.get_layer("pointwise").kernel[..., 2])


def test_centroids_follow_the_weights_and_then_rest(network, task, monkeypatch):
    seen = []
    call = cluster._LevelUpdate.__call__

    def record(self, step, latents, current):
        found = call(self, step, latents, current)
        seen.append((step, tuple(found[0].levels.reshape(-1))))
        return found

    monkeypatch.setattr(cluster._LevelUpdate, "__call__", record)
    cluster.Cluster(number_of_clusters=4, epochs=2, learning_rate=5e-2)(Candidate(network), task)
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4, 5, 6]  # of 8
    assert len({levels for _, levels in seen}) > 1


def test_levels_depend_on_what_is_in_force_not_on_a_memory(network, task):
    # A resumed training has the holds of its state, and nothing else.
    kernel = kernels.find(network)[2]
    scales = np.full((1, 1, 1, 8), 0.01, np.float32)
    targets = {"pointwise": ("Conv2D", cluster.Cluster(number_of_clusters=3))}
    in_force = holds.Levels("pointwise", "Conv2D", scales, np.array([[-40, 0, 55]]), 3)
    fits = []
    for warm in (False, True):
        update = cluster._LevelUpdate(targets, {"pointwise": scales}, total=40, seed=0)
        if warm:
            update(0, {"pointwise": kernel.numpy()}, ())
        fits.append(update(4, {"pointwise": kernel.numpy()}, (in_force,))[0].levels)
    np.testing.assert_array_equal(*fits)


def test_scales_are_few_and_none_is_smaller_than_needed():
    image = k.tf_keras.Input((4,))
    model = k.tf_keras.Model(image, layers.Dense(64, name="dense")(image))
    kernel = kernels.find(model)[0]
    scales = cluster._scales(kernel, Candidate(model)).reshape(-1)
    needed = np.abs(kernel.numpy()).max(axis=0) / 127
    assert np.all(scales >= needed * (1 - 1e-6)) and np.all(scales <= needed * 1.2501)
    assert len(np.unique(scales)) < 20


def test_only_scales_that_a_hold_has_fixed_are_taken_over():
    image = k.tf_keras.Input((4,))
    model = k.tf_keras.Model(image, layers.Dense(3, name="dense")(image))
    kernel = kernels.find(model)[0]
    free = holds.Grid("dense", "Dense")
    fixed = holds.Grid("dense", "Dense", frozen=np.float32([[0.5, 0.25, 1.0]]))
    own = cluster._scales(kernel, Candidate(model))
    np.testing.assert_array_equal(own, cluster._scales(kernel, Candidate(model, (free,))))
    found = cluster._scales(kernel, Candidate(model, (free, fixed)))
    np.testing.assert_array_equal(found, [[0.5, 0.25, 1.0]])
    one = holds.Grid("dense", "Dense", frozen=np.float32([[0.5]]))
    np.testing.assert_array_equal(cluster._scales(kernel, Candidate(model, (one,))), [[0.5] * 3])


def test_clustering_again_with_fewer_values_and_per_channel(network, task):
    once = cluster.Cluster(number_of_clusters=6, epochs=0)(Candidate(network), task)
    twice = cluster.Cluster(number_of_clusters=3, cluster_per_channel=True, epochs=1)(once, task)
    assert max(_distinct(twice).values()) <= 3
    for before, after in zip(once.holds, twice.holds, strict=True):
        np.testing.assert_array_equal(before.channel_scales, after.channel_scales)
    with pytest.raises(errors.BadInput, match="already promises 3 values"):
        cluster.Cluster(number_of_clusters=6)(twice, task)


def test_rules_and_kernels_with_nothing_to_share(task):
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.DepthwiseConv2D(1, name="factor")(image)
    x = layers.Flatten()(layers.Conv2D(4, 3, name="conv")(x))
    model = k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))
    rules = {"classes": None, "conv": {"number_of_clusters": 3}}
    clustered = cluster.Cluster(epochs=1, rules=rules)(Candidate(model), task)
    assert clustered.reports[-1].touched == ("conv",)
    assert dict(clustered.reports[-1].skipped) == {
        "factor": "one weight a channel: nothing to share",
        "classes": "left alone by a rule",
    }
    assert _distinct(clustered)["conv"] <= 3


@pytest.mark.parametrize(
    "settings",
    [
        {"number_of_clusters": 1},
        {"number_of_clusters": 256},
        {"number_of_clusters": 4.0},
        {"number_of_clusters": True},
        {"cluster_centroids_init": "kmeans"},
        {"cluster_per_channel": "no"},
        {"learning_rate": 2.0},
        {"rules": {"conv": {"patience": 1}}},
    ],
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"cluster(\(| rule)"):
        cluster.Cluster(**settings)


@pytest.mark.parametrize(
    ("total", "fires", "settled"),
    [(40, [*range(0, 31, 2)], 30), (8, [*range(7)], 6), (0, [0], 0)],
)
def test_centroids_follow_in_the_first_three_quarters(total, fires, settled):
    update = cluster._LevelUpdate({}, {}, total, 0)
    assert update.settled == settled
    assert [step for step in range(total + 1) if update.fires(step)] == fires


@pytest.mark.parametrize(
    ("largest", "scale"), [(127.0, 1.0), (127.1, 1.25), (200.0, 1.75), (63.5, 0.5), (0.0, 1.0)]
)
def test_scales_are_quarters_of_a_power_of_two_rounded_up(largest, scale):
    image = k.tf_keras.Input((2,))
    model = k.tf_keras.Model(image, layers.Dense(1, name="dense")(image))
    model.get_layer("dense").set_weights([np.array([[largest], [0.0]]), np.zeros(1)])
    assert cluster._scales(kernels.find(model)[0], Candidate(model)).tolist() == [[scale]]


def test_as_many_values_as_a_channel_has_codes():
    assert cluster.Cluster(number_of_clusters=255).number_of_clusters == 255


@pytest.mark.parametrize("per_channel", [False, True])
def test_levels_of_a_kernel_or_of_each_channel(per_channel):
    """Two output channels of two values each; zero is a level of its own."""
    kernel = np.array([[10.0, 50.0], [20.0, 60.0], [0.0, 0.0]])
    own = cluster.Cluster(number_of_clusters=3, cluster_per_channel=per_channel)
    update = cluster._LevelUpdate({}, {}, 40, 0)
    found = update._fit("Dense", own, kernel, None)
    if per_channel:
        assert [sorted(row) for row in found.tolist()] == [[0, 10, 20], [0, 50, 60]]
    else:
        assert [sorted(row) for row in found.tolist()] == [[0, 20, 55]]  # 10 is as near to 0
    again = update._fit("Dense", own, kernel + 1.0 * (kernel > 0), found)
    assert again.shape == found.shape and again.max() == (61 if per_channel else 56)


def test_without_training_a_spare_model_is_used_and_any_other_left_as_it_was(network, task):
    plain, untrained = folding.fold(network)[0], cluster.Cluster(number_of_clusters=5, epochs=0)
    before = plain.get_weights()
    copied = untrained.apply(Candidate(plain), task)
    assert all(map(np.array_equal, plain.get_weights(), before))
    used = untrained.apply(Candidate(plain, is_spare=True), task)
    assert used.model is plain and not used.is_spare
    assert all(map(np.array_equal, used.model.get_weights(), copied.model.get_weights()))
    trained = cluster.Cluster(number_of_clusters=5, epochs=1)
    assert trained.apply(Candidate(plain, is_spare=True), task).model is not plain
