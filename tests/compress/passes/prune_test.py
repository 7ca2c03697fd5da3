import logging

import numpy as np
import pytest
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_utils

from tfedge import errors
from tfedge.compress import holds, masks
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import prune


def _sparsity(candidate):
    return {
        kernel.layer: float(np.mean(kernel.numpy() == 0))
        for kernel in kernels.find(candidate.model)
    }


@pytest.fixture
def fired(monkeypatch):
    """(step, sparsity of the first target) whenever masks were chosen."""
    steps = []
    call = prune._MaskUpdate.__call__

    def record(self, step, latents, current):
        found = call(self, step, latents, current)
        steps.append((step, round(float(np.mean(found[0].mask == 0)), 2)))
        return found

    monkeypatch.setattr(prune._MaskUpdate, "__call__", record)
    return steps


def test_every_kernel_but_the_depthwise_reaches_the_sparsity(network, task):
    pruned = prune.Prune(final_sparsity=0.75, epochs=1)(Candidate(network), task)
    sparsity = _sparsity(pruned)
    assert sparsity.pop("depthwise") == 0
    for layer, found in sparsity.items():
        assert found == pytest.approx(0.75, abs=0.02), layer
    report = pruned.reports[-1]
    assert report.touched == ("stem", "pointwise", "classes")
    assert dict(report.skipped)["depthwise"].startswith("depthwise: few weights")
    assert report.notes["sparsity"]["pointwise"] == 0.75


def test_a_rule_prunes_a_depthwise_kernel_and_spares_another(network, task):
    rules = {"depthwise": {"final_sparsity": 0.25}, "classes|stem": None}
    pruned = prune.Prune(final_sparsity=0.5, epochs=1, rules=rules)(Candidate(network), task)
    assert _sparsity(pruned) == {"stem": 0, "depthwise": 0.25, "pointwise": 0.5, "classes": 0}
    assert dict(pruned.reports[-1].skipped) == {
        "stem": "left alone by a rule",
        "classes": "left alone by a rule",
    }


def test_rules_alone_say_how_sparse_each_kernel_becomes(network, task):
    rules = {"stem": {"final_sparsity": 0.25}, ".*": {"final_sparsity": 0.75}}
    pruned = prune.Prune(epochs=0, rules=rules)(Candidate(network), task)
    found = _sparsity(pruned)
    assert found.pop("stem") == 0.25
    assert found == {"depthwise": 0.75, "pointwise": 0.75, "classes": 0.75}


@pytest.mark.parametrize("distribution", ["uniform", "lamp"])
def test_only_what_a_rule_names_may_be_pruned(network, task, fired, distribution):
    rules = {"pointwise": {"final_sparsity": 0.75}}
    settings = {"final_sparsity": 0.0, "distribution": distribution}
    pruned = prune.Prune(epochs=1, rules=rules, **settings)(Candidate(network), task)
    assert _sparsity(pruned) == {"stem": 0, "depthwise": 0, "pointwise": 0.75, "classes": 0}


def test_polynomial_decay_climbs_to_the_end(network, task, fired):
    settings = {"begin_step": 2, "end_step": 6, "frequency": 2, "initial_sparsity": 0.25}
    rules = {"stem|classes": None}
    prune.Prune(final_sparsity=0.5, epochs=2, rules=rules, **settings)(Candidate(network), task)
    assert fired[0] == (0, 0.0), "before begin_step nothing is pruned"
    # 20 changes fit, so the asked frequency is shortened to every step.
    assert [step for step, _ in fired[1:]] == [2, 3, 4, 5, 6]
    sparsities = [sparsity for _, sparsity in fired[1:]]
    assert sparsities[0] == 0.25 and sparsities[-1] == 0.5
    assert sparsities == sorted(sparsities)


def test_a_short_training_still_reaches_the_sparsity(network, make_task, caplog):
    # TFMOT's frequency of 100 would never fire in 2 steps and leave the model dense.
    with caplog.at_level(logging.DEBUG, logger="absl"):
        pruned = prune.Prune(epochs=2)(Candidate(network), make_task(n=16))
    assert _sparsity(pruned)["pointwise"] == 0.5
    assert "prune: masks change every 1 steps, 2 in all" in caplog.text


def test_an_end_beyond_the_training_is_its_end(network, task):
    pruned = prune.Prune(end_step=10_000, epochs=1)(Candidate(network), task)
    assert _sparsity(pruned)["pointwise"] == 0.5


@pytest.mark.parametrize("schedule", ["constant", "one_shot"])
def test_other_schedules(network, task, fired, schedule):
    settings = {"begin_step": 1} if schedule == "constant" else {}
    prune.Prune(schedule=schedule, epochs=1, **settings)(Candidate(network), task)
    sparsities = [sparsity for _, sparsity in fired]
    assert sparsities == ([0.0, 0.5, 0.5] if schedule == "constant" else [0.5])


def test_a_begin_beyond_the_training_is_refused_with_the_numbers(network, task):
    with pytest.raises(errors.BadInput, match=r"begin_step=4\).*the 4 steps of 1 epochs"):
        prune.Prune(begin_step=4, epochs=1)(Candidate(network), task)


def test_without_training_the_smallest_weights_go(network, task):
    pruned = prune.Prune(final_sparsity=0.4, epochs=0)(Candidate(network), task)
    for before, after in zip(kernels.find(network), kernels.find(pruned.model), strict=True):
        mask = 1.0 if before.is_depthwise else masks.unstructured(before.numpy(), 0.4)
        np.testing.assert_array_equal(after.numpy(), before.numpy() * mask)


def test_a_threshold_zeroes_what_is_smaller(network, task):
    pruned = prune.Prune(threshold=0.2, epochs=0)(Candidate(network), task)
    for before, after in zip(kernels.find(network), kernels.find(pruned.model), strict=True):
        small = np.abs(before.numpy()) < (0 if before.is_depthwise else 0.2)
        np.testing.assert_array_equal(after.numpy() == 0, small)


def test_m_by_n_is_what_tfmot_checks_for(network, task):
    pruned = prune.Prune(sparsity_m_by_n=(2, 4), epochs=1)(Candidate(network), task)
    for kernel in kernels.find(pruned.model):
        if not kernel.is_depthwise:
            assert pruning_utils.is_pruned_m_by_n(kernel.variable, (2, 4))
    assert {hold.pattern for hold in pruned.holds} == {"2:4"}
    assert _sparsity(pruned)["pointwise"] == 0.5


def test_blocks_go_together(network, task):
    rules = {"classes": {"block_size": (4, 1)}, "stem|pointwise": None}
    pruned = prune.Prune(epochs=1, rules=rules)(Candidate(network), task)
    kernel = pruned.model.get_layer("classes").kernel.numpy()
    zeros = (kernel.reshape(-1, 4, kernel.shape[1]) == 0).sum(axis=1)
    assert set(np.unique(zeros)) == {0, 4}
    assert np.mean(kernel == 0) == 0.5
    assert pruned.holds[0].pattern == "block 4x1"


def test_lamp_meets_the_sparsity_over_all_and_empties_no_kernel(network, task):
    pruned = prune.Prune(final_sparsity=0.8, distribution="lamp", epochs=1)(
        Candidate(network), task
    )
    targets = [kernel.numpy() for kernel in kernels.find(pruned.model) if not kernel.is_depthwise]
    zeros = sum(np.sum(kernel == 0) for kernel in targets)
    assert zeros / sum(kernel.size for kernel in targets) == pytest.approx(0.8, abs=0.02)
    assert all(np.any(kernel) for kernel in targets)
    assert len({round(float(np.mean(kernel == 0)), 2) for kernel in targets}) > 1


def test_pruning_again_keeps_the_zeros(network, task):
    once = prune.Prune(epochs=0)(Candidate(network), task)
    twice = prune.Prune(final_sparsity=0.7, epochs=1)(once, task)
    less = prune.Prune(final_sparsity=0.2, epochs=1)(once, task)
    assert holds.broken(twice.model, once.holds) == ()
    assert holds.broken(less.model, once.holds) == ()
    assert _sparsity(twice)["pointwise"] == pytest.approx(0.7, abs=0.02)
    assert _sparsity(less)["pointwise"] == 0.5


def test_a_masked_weight_returns_while_masks_change(network, task, fired):
    latents = {kernel.layer: kernel.numpy() for kernel in kernels.find(network)}
    start, end = latents["pointwise"].copy(), latents["pointwise"]
    order = np.argsort(np.abs(start), axis=None)
    end.reshape(-1)[order[-20:]] = 1e-4  # others become smaller
    update = prune._MaskUpdate(
        {"pointwise": prune._Target("Conv2D", prune.Prune(), own=False)},
        prune.Prune()._fit_schedule(8),
        0.5,
        {},
    )
    early = update(4, {"pointwise": start}, ())[0].mask.reshape(-1)
    late = update(4, {"pointwise": end}, ())[0].mask.reshape(-1)
    assert np.any(late[early == 0] == 1)


def test_a_model_without_kernels_is_refused(task):
    from tfedge.compress import keras as k

    image = k.tf_keras.Input((6, 6, 1))
    model = k.tf_keras.Model(image, k.tf_keras.layers.GlobalAveragePooling2D()(image))
    with pytest.raises(errors.BadInput, match="no layer of the model has a kernel to prune"):
        prune.Prune()(Candidate(model), task)


@pytest.mark.parametrize(
    "settings",
    [
        {"final_sparsity": 1.0},
        {"final_sparsity": -0.1},
        {"final_sparsity": "half"},
        {"initial_sparsity": 0.6},
        {"schedule": "linear"},
        {"begin_step": -1},
        {"begin_step": 5, "end_step": 3},
        {"frequency": 0},
        {"power": 0},
        {"distribution": "global"},
        {"distribution": "lamp", "block_size": (4, 1)},
        {"threshold": 0.0},
        {"sparsity_m_by_n": (4, 4)},
        {"sparsity_m_by_n": (2, 4, 8)},
        {"block_size": (0, 1)},
        {"block_pooling_type": "SUM"},
        {"begin_step": 0.5},
        {"end_step": "last"},
        {"frequency": 2.5},
        {"power": "3"},
        {"threshold": "0.1"},
        {"sparsity_m_by_n": 2},
        {"sparsity_m_by_n": (1.5, 4)},
        {"block_size": 4},
        {"block_size": (2.5, 1)},
        {"epochs": 1.5},
        {"epochs": -1},
        {"patience": -1},
        {"learning_rate": 0.0},
        {"rules": {"conv": {"epochs": 3}}},
        {"rules": {"conv": {"final_sparsity": 2}}},
        {"rules": {"conv": 3}},
        {"rules": {3: None}},
        {"rules": ["conv"]},
    ],
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"prune(\(| rule)"):
        prune.Prune(**settings)


@pytest.mark.parametrize(
    ("settings", "total", "expected"),
    [
        ({}, 100, (0, 50, 2)),
        ({}, 9, (0, 4, 1)),
        ({"begin_step": 10, "frequency": 3}, 200, (10, 100, 3)),
        ({"begin_step": 10, "frequency": 30}, 200, (10, 100, 4)),  # a twentieth of 90
        ({"begin_step": 3, "end_step": 3}, 8, (3, 3, 1)),
        ({"end_step": 0}, 8, (0, 0, 1)),
        ({"end_step": 70}, 60, (0, 59, 2)),
        ({"schedule": "one_shot", "begin_step": 9}, 60, (0, 0, 1)),
        ({"threshold": 0.5, "begin_step": 9}, 60, (0, 0, 1)),
        ({"begin_step": 9}, 0, (0, 0, 1)),
    ],
)
@pytest.mark.parametrize("schedule", ["polynomial_decay", "constant"])
def test_the_schedule_over_the_steps_there_are(settings, total, expected, schedule):
    settings = {"schedule": schedule, "final_sparsity": 0.75, **settings}
    found = prune.Prune(**settings)._fit_schedule(total)
    assert (found.begin_step, found.end_step, found.frequency) == expected
    assert found.sparsity(found.end_step) == 0.75


def _shares(sparsity, latents, own=(), **settings):
    """As the pass of `all` has it, whose rules give those of `own` settings of their own."""
    targets = {
        layer: prune._Target(
            "Dense", prune.Prune(**settings.get(layer, settings["all"])), layer in own
        )
        for layer in latents
    }
    whole = prune.Prune(**settings["all"])
    update = prune._MaskUpdate(targets, whole._fit_schedule(8), whole._end, {})
    return update._shares(sparsity, latents)


def test_shares_of_the_final_sparsity():
    """A rule's own sparsity is reached in the same proportion as that of the others."""
    latents = {"a": np.ones((4, 2)), "b": np.ones((4, 2))}
    uniform = {"final_sparsity": 0.8}
    found = _shares(0.2, latents, ("b",), all=uniform, b={"final_sparsity": 0.4})
    assert found == {"a": pytest.approx(0.25), "b": pytest.approx(0.25)}
    alone = _shares(0.2, {"b": latents["b"]}, ("b",), all=uniform, b={"final_sparsity": 0.4})
    assert alone == {"b": pytest.approx(0.25)}
    assert _shares(0.0, latents, all={"final_sparsity": 0.0}) == {"a": 0.0, "b": 0.0}


def test_with_lamp_shares_go_where_scores_are_small():
    """Of two kernels the first has four weights that count for nothing beside the others."""
    latents = {
        "a": np.array([[0.01, 0.01], [0.01, 0.01], [1.0, 1.0]]),
        "b": np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]),
    }
    lamp = {"final_sparsity": 0.5, "distribution": "lamp"}
    found = _shares(4 / 12, latents, all=lamp)
    assert found == {"a": pytest.approx(4 / 6 / 0.5), "b": 0.0}
    assert _shares(0.0, latents, all=lamp) == {"a": 0.0, "b": 0.0}
    ruled = _shares(4 / 12, latents, ("b",), all=lamp)
    assert ruled["b"] == pytest.approx(4 / 12 / 0.5)


def test_masks_stay_open_until_the_schedule_begins():
    latents = {"a": np.arange(1.0, 9.0).reshape(4, 2)}
    target = prune._Target("Dense", prune.Prune(final_sparsity=0.5), own=False)
    schedule = prune.Prune(begin_step=2, final_sparsity=0.5, schedule="constant")._fit_schedule(8)
    earlier = np.ones((4, 2))
    earlier[3, 1] = 0
    update = prune._MaskUpdate({"a": target}, schedule, 0.5, {"a": earlier})
    (before,), (after,) = (update(step, latents, ()) for step in (1, 2))
    assert before.mask.ravel().tolist() == [1, 1, 1, 1, 1, 1, 1, 0]
    assert after.mask.ravel().tolist() == [0, 0, 0, 0, 1, 1, 1, 0]
    assert update.settled == 4 and not update.fires(1) and update.fires(4)
    nothing = prune._Target("Dense", prune.Prune(final_sparsity=0.0), own=False)
    update = prune._MaskUpdate({"a": nothing}, schedule, 1.0, {})
    assert update(2, latents, ())[0].mask.all()
