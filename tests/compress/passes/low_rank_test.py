"""Splitting layers: what is split, how far, and what is left alone with the reason."""

import pathlib

import numpy as np
import pytest

from tfedge import errors, load_model, load_task
from tfedge.compress import bridge, factors, folding, holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels, multiply_adds
from tfedge.compress.passes import low_rank, quantize
from tfedge.compress.recipe import Recipe
from tfedge.compress.training import validation

layers = k.tf_keras.layers
CHECKPOINTS = pathlib.Path(__file__).parents[3] / "models" / "checkpoints"


def _low(rng, rows, columns, rank, noise=0.0):
    product = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
    return (product + noise * rng.normal(size=product.shape)).astype(np.float32)


@pytest.fixture
def model():
    """Kernels of known rank: conv spatially 2, pointwise 3, hidden 4, classes full."""
    rng = np.random.default_rng(0)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="stem")(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="conv_bn")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(16, 1, activation="relu", name="pointwise")(x)
    x = layers.Dense(24, "relu", name="hidden")(layers.Flatten()(x))
    made = k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))
    columns_by_rows = _low(rng, 24, 24, 2).reshape(3, 8, 3, 8).transpose(0, 2, 1, 3)
    made.get_layer("conv").kernel.assign(columns_by_rows)
    made.get_layer("pointwise").kernel.assign(_low(rng, 8, 16, 3).reshape(1, 1, 8, 16))
    made.get_layer("hidden").kernel.assign(_low(rng, 144, 24, 4))
    return made


def _apply(model, task, **settings):
    given = {"epochs": 0, "energy": 0.9999, "multiple_of": 1, "fit": "weights", **settings}
    return low_rank.LowRank(**given)(Candidate(model), task)


def test_layers_are_cut_to_the_rank_they_have(model, task):
    found = _apply(model, task)
    notes = found.reports[-1].notes
    chosen = {name: (note["method"], note["ranks"]) for name, note in notes["layers"].items()}
    expected = {"conv": ("spatial", (2,)), "pointwise": ("svd", (3,)), "hidden": ("svd", (4,))}
    assert {name: chosen[name] for name in expected} == expected
    assert notes["folded"] == ("conv_bn",)
    x = task.validation.x
    np.testing.assert_allclose(found.model(x), model(x), atol=1e-4)
    assert found.model.get_layer("hidden_reduce").units == 4
    assert "depthwise" in dict(found.reports[-1].skipped)


def test_the_report_counts_multiply_adds(model, task):
    notes = _apply(model, task).reports[-1].notes
    before = multiply_adds.of(model)
    assert notes["multiply_adds_before"] == sum(before.values())
    saved = [
        note["multiply_adds_before"] - note["multiply_adds_after"]
        for note in notes["layers"].values()
    ]
    assert notes["multiply_adds_after"] == sum(before.values()) - sum(saved)
    assert min(saved) > 0
    assert notes["layers"]["hidden"]["multiply_adds_after"] == 4 * (144 + 24)


@pytest.mark.parametrize(("multiple_of", "rank"), [(1, 4), (3, 6), (8, 8), (64, 4)])
def test_ranks_are_rounded_up_where_that_still_saves(model, task, multiple_of, rank):
    notes = _apply(model, task, multiple_of=multiple_of).reports[-1].notes
    assert notes["layers"]["hidden"]["ranks"] == (rank,)


@pytest.mark.parametrize("method", ["svd", "spatial", "tucker"])
def test_a_ratio_is_kept_by_every_method(model, task, method):
    notes = _apply(model, task, ratio=0.4, method=method).reports[-1].notes["layers"]
    assert notes["conv"]["method"] == method and notes["hidden"]["method"] == "svd"
    for note in notes.values():
        assert note["multiply_adds_after"] <= 0.4 * note["multiply_adds_before"]


def test_rules_give_ranks_and_leave_layers_alone(model, task):
    rules = {"hidden": {"rank": 5}, "conv": {"method": "tucker", "rank": (3, 4)}, "classes": None}
    report = _apply(model, task, rules=rules).reports[-1]
    assert report.notes["layers"]["hidden"]["ranks"] == (5,)
    assert report.notes["layers"]["conv"]["ranks"] == (3, 4)
    assert dict(report.skipped)["classes"] == "left alone by a rule"


@pytest.mark.parametrize(
    "rules",
    [{"hidden": {"rank": 25}}, {"conv": {"rank": (9, 2), "method": "tucker"}}],
    ids=["svd", "tucker"],
)
def test_a_rank_above_the_kernels_is_refused_before_training(model, task, rules, monkeypatch):
    monkeypatch.setattr(low_rank.LowRank, "apply", lambda *_: pytest.fail("started"))
    with pytest.raises(errors.BadInput, match="rank"):
        Recipe((low_rank.LowRank(rules=rules),)).apply(model, task)


def test_where_nothing_is_saved_the_layer_is_skipped_with_the_numbers(model, task):
    report = _apply(model, task, energy=1.0, rules={"hidden": {"rank": 24}}).reports[-1]
    reason = dict(report.skipped)["hidden"]
    assert reason == "rank 24 takes 4,032 multiply-adds, the layer 3,456"
    assert "energy" in dict(report.skipped)["stem"]


def test_promised_kernels_are_left_alone(model, task):
    mask = np.ones(model.get_layer("hidden").kernel.shape, np.float32)
    candidate = Candidate(model).with_holds(holds.Zeros("hidden", "Dense", mask))
    report = low_rank.LowRank(epochs=0)(candidate, task).reports[-1]
    assert "promised" in dict(report.skipped)["hidden"]


def test_after_quantize_it_refuses(model, task):
    quantized = quantize.Quantize(epochs=0)(Candidate(model), task)
    with pytest.raises(errors.BadInput, match="Put low_rank before quantize"):
        low_rank.LowRank()(quantized, task)


def test_validation_decides_and_fine_tuning_follows(model, task):
    loose = _apply(model, task, tolerance=1.0).reports[-1].notes
    strict = _apply(model, task, tolerance=0.0, epochs=1).reports[-1]
    assert loose["multiply_adds_after"] <= strict.notes["multiply_adds_after"]
    by_energy = _apply(model, task).reports[-1].notes
    assert loose["multiply_adds_after"] < by_energy["multiply_adds_after"]
    assert "hidden" in loose["layers"] and len(strict.history) == 1


def test_fitting_responses_keeps_outputs_better_than_fitting_weights(make_task):
    k.tf_keras.utils.set_random_seed(1)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    model = k.tf_keras.Model(image, layers.Conv2D(8, 3, name="conv")(image))
    task = make_task()
    wanted, apart = model(task.calibration.x), {}
    for fit in ("weights", "responses"):
        found = _apply(model, task, fit=fit, method="svd", rank=2)
        apart[fit] = float(np.linalg.norm(found.model(task.calibration.x) - wanted))
    assert apart["responses"] < 0.9 * apart["weights"]


def test_it_can_be_applied_twice(model, task):
    once = _apply(model, task, ratio=0.5)
    twice = low_rank.LowRank(epochs=0, ratio=0.5, multiple_of=1)(once, task)
    names = [kernel.layer for kernel in kernels.find(twice.model)]
    assert len(set(names)) == len(names) > len(kernels.find(once.model))
    assert "hidden_reduce_2" in names


def test_a_shared_layer_is_split_once(make_task):
    image, shared = k.tf_keras.Input((16,), name="x"), layers.Dense(16, name="shared")
    model = k.tf_keras.Model(image, layers.Dense(3, name="out")(shared(shared(image))))
    found = _apply(model, make_task((16,)), rules={"shared": {"rank": 2}})
    assert [kernel.layer for kernel in kernels.find(found.model)][:2] == ["shared_reduce", "shared"]
    assert multiply_adds.of(found.model)["shared"] == 2 * 2 * 16


def test_digits_keep_their_accuracy_within_the_tolerance():
    task = load_task("digits")
    model = load_model(CHECKPOINTS / "digits_cnn_digits.keras")
    start = folding.flatten(bridge.to_tf_keras(model) if bridge.is_keras3(model) else model)
    before = validation.scorer(start, task)()
    found = low_rank.LowRank(epochs=0, tolerance=0.02)(Candidate(start), task)
    notes = found.reports[-1].notes
    assert notes["multiply_adds_after"] < 0.95 * notes["multiply_adds_before"]
    assert validation.scorer(found.model, task)() >= before - 0.02 - 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "qr"},
        {"fit": "outputs"},
        {"energy": 0},
        {"ratio": 1.5},
        {"rank": 0},
        {"rank": (1, 2, 3)},
        {"tolerance": -1},
        {"multiple_of": 0},
        {"rules": {"conv": {"tolerance": 0.1}}},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused_when_made(settings):
    with pytest.raises(errors.BadInput, match=r"low_rank(\(| rule)"):
        low_rank.LowRank(**settings)


def test_every_way_has_its_name():
    assert [way.name for way in factors.ALL] == ["svd", "spatial", "tucker"]
