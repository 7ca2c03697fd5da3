"""One layer changed alone: the rows say what the changed model answers."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress import masks
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import cluster, prune
from tfedge.packing import account
from tfedge.probing import sensitivity, sizes
from tfedge.probing.changes import Change


def _row(table, layer, *changes):
    return next(r for r in table.rows if r.layer == layer and r.changes == changes)


def _shown(task):
    places = np.round(np.linspace(0, 39, 20)).astype(int)
    return task.validation.x[places], task.validation.y[places]


@pytest.fixture
def pruned(network):
    """The network with 95 % of one kernel gone."""
    copy = k.tf_keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    kernel = copy.get_layer("classes").kernel
    kernel.assign(kernel * masks.unstructured(kernel.numpy(), 0.95))
    return copy


def test_a_row_is_what_the_changed_model_answers(network, task, table, pruned):
    x, y = _shown(task)
    own, other = network.predict(x, verbose=0), pruned.predict(x, verbose=0)
    found = _row(table, "classes", Change("prune", "final_sparsity", 0.95)).difference
    assert found.kl == pytest.approx(np.mean(np.sum(own * np.log(own / other), -1)), rel=1e-3)
    lost = np.log(own[range(20), y]) - np.log(other[range(20), y])
    assert found.loss == pytest.approx(np.mean(lost), rel=1e-3)
    noise = np.mean((own - other) ** 2) / np.mean(own**2)
    assert found.snr_db == pytest.approx(-10 * np.log10(noise), abs=1e-2)


def test_bytes_are_those_of_the_packed_kernel(network, table, pruned):
    def taken(model):
        kernel = model.get_layer("classes").kernel.numpy().T
        scale = np.abs(kernel).max(axis=1, keepdims=True) / 127
        return account.of_kernel(np.round(kernel / np.where(scale, scale, 1)))

    row = _row(table, "classes", Change("prune", "final_sparsity", 0.95))
    assert row.saved_bytes == taken(network) - taken(pruned) > 0
    assert table.layer_bytes["classes"] == taken(network) + 3 * 3


def test_more_is_saved_and_harmed_by_the_stronger_change(table):
    for layer in table.layer_bytes:
        for axis, rows in table.by_axis(layer).items():
            by_saving = sorted(rows, key=lambda row: row.saved_bytes)
            kls = [row.difference.kl for row in by_saving]
            assert kls == sorted(kls), (layer, axis)


def test_zeros_and_few_values_are_counted_together(table):
    changes = Change("prune", "final_sparsity", 0.95), Change("cluster", "number_of_clusters", 4)
    both = _row(table, "classes", *changes)
    assert both.difference is None
    alone = [_row(table, "classes", each).saved_bytes for each in changes]
    assert max(alone) <= both.saved_bytes < sum(alone)


def test_bytes_of_two_changes_are_those_of_one_pass_after_the_other(network, task, table):
    zeros = prune.Prune(final_sparsity=0.95, epochs=0).apply(Candidate(network), task)
    both = cluster.Cluster(number_of_clusters=4, epochs=0).apply(zeros, task)
    changes = (Change("prune", "final_sparsity", 0.95), Change("cluster", "number_of_clusters", 4))
    for layer, taken in sizes.of(both).items():
        assert _row(table, layer, *changes).saved_bytes == table.layer_bytes[layer] - taken


def test_channels_are_cut_in_a_model_built_for_it(table):
    row = _row(table, "stem", Change("slim", "reduction", 0.8))
    # Of 16 channels 8 are left, those that read them too: 9 * 8 and 16 * 8 weights less at least.
    assert row.saved_bytes > 150
    assert row.difference.kl > 0
    assert ("slim(reduction=0.8)", "classes") not in {(c, name) for c, name, _ in table.missing}


def test_only_some_examples_are_asked_and_the_model_stays_as_it_is(network, task, table, pruned):
    assert table.examples == 20
    assert list(table.layer_bytes) == ["stem", "pointwise", "classes"]
    before = network.get_weights()
    sensitivity.sensitivity(network, task, ["prune"], values=1, examples=4)
    assert all(map(np.array_equal, before, network.get_weights()))


def test_without_time_the_table_says_what_is_not_known(network, task):
    with pytest.raises(errors.BadInput, match="no time was left"):
        sensitivity.sensitivity(network, task, ["prune"], seconds=0)


def test_what_has_no_layers_is_refused(task):
    with pytest.raises(errors.BadInput, match="no Keras layers"):
        sensitivity.sensitivity(object(), task)
