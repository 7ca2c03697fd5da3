import dataclasses

import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import costs, graph, holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Cut, cut_holds
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, prune, quantize, slim
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit
from tfedge.device import profiles
from tfedge.device.file import tflite
from tfedge.device.prediction import predict
from tfedge.making import timing

layers = k.tf_keras.layers


@pytest.fixture
def wide():
    """Convolutions of 16 and 32 channels, a depthwise one, a dense one of 24."""
    k.tf_keras.utils.set_random_seed(3)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(16, 3, use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7, name="norm")(x))
    x = layers.DepthwiseConv2D(3, activation="relu", name="depthwise")(x)
    x = layers.Flatten()(layers.Conv2D(32, 1, activation="relu", name="mix")(x))
    x = layers.Dense(24, activation="relu", name="hidden")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))


def _shapes(candidate):
    return {kernel.layer: kernel.shape for kernel in kernels.find(candidate.model)}


def test_layers_whose_channels_go_together_are_named_together(wide):
    groups = slim.Slim().groups(Candidate(wide))
    assert [set(names) for names in groups] == [{"stem", "norm", "depthwise"}, {"mix"}, {"hidden"}]
    assert groups[0][0] == "stem"


def test_dead_channels_go_and_the_outputs_stay(wide, task):
    """Filters that are zero, bias and all, are worth nothing by any norm."""
    for name, alive in (("mix", 16), ("hidden", 8)):
        kernel, bias = wide.get_layer(name).get_weights()
        kernel[..., alive:], bias[alive:] = 0, 0
        wide.get_layer(name).set_weights([kernel, bias])
    settings = {"criterion": "l2", "budget": "parameters", "epochs": 0, "rules": {"stem": None}}
    cut = slim.Slim(reduction=0.7, **settings)(Candidate(wide), task)
    assert _shapes(cut)["mix"][-1] == 16 and _shapes(cut)["hidden"] == (64, 8)
    x = task.validation.x
    np.testing.assert_allclose(cut.model(x), wide(x), atol=1e-5)


@pytest.mark.parametrize("budget", ["parameters", "multiply_adds"])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_the_budget_is_met_and_reported(wide, task, budget, scope):
    settings = {"budget": budget, "scope": scope, "criterion": "l1", "epochs": 0}
    cut = slim.Slim(reduction=0.5, **settings)(Candidate(wide), task)
    notes = cut.reports[-1].notes
    before, after = notes[budget]
    assert 0.2 * before < after <= 0.5 * before
    assert notes["parameters"][1] == costs.parameters(cut.model)
    assert notes["multiply_adds"][1] == costs.total_multiply_adds(cut.model)
    for name, (old, new) in notes["widths"].items():
        assert new < old and new % 8 == 0
        assert _shapes(cut)[name][-1 if name != "depthwise" else 2] == new
    assert notes["kept_widths"] == {"classes": "the activation of classes needs all channels"}


def test_rules_keep_a_layer_or_give_it_a_share_of_its_own(wide, task):
    rules = {"depthwise": None, "hidden": {"reduction": 0.66}}
    settings = {"budget": "parameters", "criterion": "random", "epochs": 0, "rules": rules}
    cut = slim.Slim(reduction=0.4, **settings)(Candidate(wide), task)
    shapes = _shapes(cut)
    assert shapes["stem"][-1] == 16, "the stem makes what the depthwise kernel passes on"
    assert shapes["hidden"][-1] == 8
    assert dict(cut.reports[-1].skipped)["stem"] == "other channels are worth less"
    assert dict(cut.reports[-1].skipped)["depthwise"] == "left alone by a rule"


def test_several_steps_train_between_and_recover(wide, task):
    settings = {"budget": "parameters", "multiple_of": 4, "learning_rate": 1e-2}
    cut = slim.Slim(reduction=0.6, steps=2, epochs=4, **settings)(Candidate(wide), task)
    report = cut.reports[-1]
    assert report.notes["epochs"] == [0, 2, 2] and len(report.history) == 4
    assert report.notes["parameters"][1] <= 0.4 * report.notes["parameters"][0]
    assert report.history[-1]["validation_accuracy"] > 0.8


@pytest.mark.parametrize("penalty", ["l1", "group_lasso"])
def test_a_penalty_makes_channels_fade_before_they_are_cut(wide, task, penalty):
    def norm(model):
        return sum(float(np.abs(kernel.numpy()).sum()) for kernel in kernels.find(model))

    pass_ = slim.Slim(penalty=penalty, penalty_weight=1e-2, epochs=4, learning_rate=1e-2)
    first = pass_._channels(Candidate(wide))
    faded, history = pass_._fade(Candidate(graph.rebuild(wide)), task, first, 2, "fade")
    assert norm(faded.model) < 0.8 * norm(wide) and len(history) == 2
    assert pass_(Candidate(wide), task).reports[-1].notes["epochs"] == [2, 2]


def test_latency_is_what_the_function_says(wide, task):
    asked = []

    def milliseconds(model):
        asked.append(costs.parameters(model))
        return asked[-1] / 1000

    candidate = Candidate(wide)
    by_time = slim.Slim(reduction=0.5, budget="latency", criterion="l1", epochs=0)
    with pytest.raises(errors.BadInput, match="nobody here can measure"):
        by_time(candidate, task)
    with costs.measuring(milliseconds):
        cut = by_time(candidate, task)
        with pytest.raises(errors.BadInput, match=r"at most 0\.\d+ can go.* ms"):
            slim.Slim(reduction=0.99, budget="latency", epochs=0)(candidate, task)
    before, after = cut.reports[-1].notes["latency_ms"]
    assert after <= 0.5 * before and after == pytest.approx(costs.parameters(cut.model) / 1000)
    assert len(asked) < 15


def test_a_profiles_device_decides_what_is_cut(wide, task, monkeypatch):
    """A host where the convolution costs, and a phone where the dense layer does."""

    def width(content, kind):
        kernels = tflite.read(content).kernels()
        return max(each.tensor.shape[0] for each in kernels if each.operator.kind == kind)

    def predicted(content, device, threads, accelerator):
        assert (device, threads, accelerator) == ("pixel4", 4, "cpu")
        return predict.Estimate(width(content, "FULLY_CONNECTED"), 0, 99)

    monkeypatch.setattr(predict, "predict_latency", predicted)
    monkeypatch.setattr(timing, "_measured", lambda content, _: width(content, "CONV_2D"))
    by_time = slim.Slim(reduction=0.3, budget="latency", epochs=0)
    widths, times = [], []
    for phone in (None, profiles.load("pixel4")):
        with costs.measuring(timing.milliseconds(task, phone)):
            notes = by_time(Candidate(wide), task).reports[-1].notes
        widths.append(notes["widths"])
        times.append(notes["latency_ms"])
    assert times == [[32, 16], [24, 16]]
    assert widths[0]["mix"] == [32, 16] and widths[1] == {"hidden": [24, 16]}


def test_a_latency_of_microseconds_is_said_to_be_mostly_overhead(wide, task, caplog):
    by_time = slim.Slim(reduction=0.1, budget="latency", epochs=0)
    for scale, warned in ((1e-3, False), (1e-6, True)):
        caplog.clear()
        with costs.measuring(lambda model, scale=scale: scale * costs.parameters(model)):
            by_time(Candidate(wide), task)
        assert ("not for channels" in caplog.text) == warned


def test_columns_of_a_table_are_dropped_and_named(make_task):
    k.tf_keras.utils.set_random_seed(3)
    table = k.tf_keras.Input((12,), name="table")
    x = layers.Dense(16, "relu", name="hidden")(table)
    model = k.tf_keras.Model(table, layers.Dense(3, "softmax", name="classes")(x))
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[[1, 4, 7, 8]] = 0
    model.get_layer("hidden").set_weights([kernel, bias])
    task = make_task((12,))
    settings = {"inputs": True, "criterion": "l1", "epochs": 0, "rules": {"hidden": None}}
    cut = slim.Slim(reduction=0.25, **settings)(Candidate(model), task)
    assert cut.reports[-1].notes["dropped_inputs"] == {"table": [1, 4, 7, 8]}
    assert _shapes(cut)["hidden"] == (8, 16) and cut.model.input_shape == (None, 12)
    expected = np.asarray(model(task.train.x))
    np.testing.assert_allclose(cut.model(task.train.x), expected, atol=1e-6)
    np.testing.assert_allclose(cut.to_keras3()(task.train.x), expected, atol=1e-6)
    for route in ("float32", "int8"):
        file = tflite.read(to_tflite(cut, route, task))
        assert [tuple(tensor.shape) for tensor in file.named_inputs.values()] == [(1, 12)]


def test_columns_are_not_asked_of_a_model_without_any(wide):
    with pytest.raises(errors.BadInput, match="no column of an input can go: no input is a row"):
        slim.Slim(inputs=True).requires(Candidate(wide))


def test_gradients_need_targets(wide, task):
    nothing = ArraySplit(task.calibration.x, np.full(len(task.calibration), -1))
    with pytest.raises(errors.BadInput, match="the calibration split of made_up has no targets"):
        Recipe((slim.Slim(criterion="taylor"),)).apply(
            wide, dataclasses.replace(task, calibration=nothing)
        )


def test_earlier_promises_are_cut_with_their_kernels(wide, task):
    recipe = Recipe((prune.Prune(epochs=0), cluster.Cluster(number_of_clusters=6, epochs=0)))
    before = recipe.apply(wide, task)
    after = slim.Slim(reduction=0.5, epochs=1)(before, task)
    assert holds.broken(after.model, after.holds) == () and not after.cuts
    assert {(h.kind, h.layer) for h in after.holds} == {(h.kind, h.layer) for h in before.holds}
    shapes = _shapes(after)
    for hold in after.holds:
        if isinstance(hold, holds.Zeros):
            assert hold.mask.shape == shapes[hold.layer]


def test_a_promise_that_cannot_be_cut_keeps_its_layer(wide, task):
    before = prune.Prune(sparsity_m_by_n=(2, 4), epochs=0, rules={"mix|classes|stem": None})
    after = slim.Slim(reduction=0.1, epochs=0, criterion="l1")(before(Candidate(wide), task), task)
    assert _shapes(after)["hidden"] == (128, 24)
    assert "the promise 'zeros' of hidden" in after.reports[-1].notes["kept_widths"]["mix"]
    with pytest.raises(ValueError, match="zeros of hidden cannot be cut"):
        cut_holds(before(Candidate(wide), task).holds, (Cut("hidden", 0, np.arange(4)),))


def test_after_quantize_ranges_and_grids_stay(wide, task):
    trained = quantize.Quantize(epochs=0)(Candidate(wide), task)
    after = slim.Slim(reduction=0.4, epochs=1)(trained, task)
    assert after.quantization.ranges.keys() == trained.quantization.ranges.keys()
    assert holds.broken(after.model, after.holds) == ()
    with pytest.raises(errors.BadInput, match="Put slim before quantize"):
        slim.Slim(inputs=True, epochs=0)(trained, task)


def test_the_held_kernels_of_every_layout_are_cut_right():
    scales = np.arange(1, 7, dtype=np.float32).reshape(1, 1, 3, 2)
    rows = np.arange(6)[:, None] * np.array([[1, 2]])
    levels = holds.Levels("d", "DepthwiseConv2D", scales, rows, 2)
    left = levels.taken(2, np.array([0, 2]))
    np.testing.assert_array_equal(left.channel_scales.reshape(-1), [1, 2, 5, 6])
    np.testing.assert_array_equal(left.levels[:, 0], [0, 1, 4, 5])
    grid = holds.Grid("c", "Conv2D", frozen=np.arange(4.0).reshape(1, 1, 1, 4))
    assert grid.taken(2, np.array([0])) is grid
    assert grid.taken(3, np.array([1, 3])).frozen.reshape(-1).tolist() == [1, 3]
    zeros = holds.Zeros("c", "Conv2D", np.arange(12).reshape(1, 1, 3, 4) % 2)
    assert zeros.taken(3, np.array([1])).mask.reshape(-1).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reduction": 1.0}, "0 < reduction < 1"),
        ({"reduction": 0}, "0 < reduction < 1"),
        (
            {"criterion": "l3"},
            'one of "l1", "l2", "fpgm", "random", "activation", "entropy", "taylor"',
        ),
        ({"budget": "flops"}, 'one of "multiply_adds", "parameters", "latency"'),
        ({"scope": "block"}, 'one of "global", "layer"'),
        ({"multiple_of": 0}, "a whole number of 1 or more"),
        ({"steps": 0}, "a whole number of 1 or more"),
        ({"penalty": "l0"}, 'one of "l1", "group_lasso"'),
        ({"penalty": "l1", "epochs": 0}, "1 or more under a penalty"),
        (
            {"rules": {"a": {"criterion": "l1"}}},
            "rule 'a': criterion is no setting that may differ",
        ),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(errors.BadInput, match=message):
        slim.Slim(**settings)


def test_a_budget_that_would_take_whole_layers_is_refused_with_what_can_go(wide, monkeypatch):
    monkeypatch.setattr(slim.Slim, "apply", lambda *_: pytest.fail("started"))
    with pytest.raises(errors.BadInput, match=r"at most 0\.\d+ can go, from [\d,]+ to [\d,]+"):
        slim.Slim(reduction=0.99).requires(Candidate(wide))
    with pytest.raises(errors.BadInput, match="keeps some channels, or all by a rule"):
        slim.Slim(rules={".*": None}).requires(Candidate(wide))
    only = k.tf_keras.Sequential([layers.Dense(3, input_shape=(4,))])
    with pytest.raises(errors.BadInput, match="no channel of the model can go: it is an output"):
        slim.Slim().requires(Candidate(only))


def test_in_two_steps_a_rule_reaches_its_share_in_the_second(wide, task):
    settings = {"budget": "parameters", "multiple_of": 4, "criterion": "random", "epochs": 0}
    rules = {"hidden": {"reduction": 0.5}, "mix": None}
    widths = []
    for steps in (1, 2):
        cut = slim.Slim(reduction=0.4, steps=steps, rules=rules, **settings)(Candidate(wide), task)
        widths.append(_shapes(cut)["hidden"][-1])
    assert widths == [12, 12]


@pytest.mark.parametrize(
    ("epochs", "steps", "penalty", "expected"),
    [
        (4, 1, None, [0, 4]),
        (4, 2, None, [0, 2, 2]),
        (7, 3, None, [0, 1, 1, 5]),
        (4, 1, "l1", [2, 2]),
        (9, 2, "l1", [2, 2, 5]),
        (1, 1, "l1", [0, 1]),
    ],
)
def test_half_of_the_epochs_go_before_the_last_cut(epochs, steps, penalty, expected):
    assert slim.Slim(epochs=epochs, steps=steps, penalty=penalty)._epochs() == expected


def test_layers_of_which_no_channel_can_go_are_told_before(wide):
    assert slim.Slim().leaves(Candidate(wide)) == {}
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Softmax(name="soft")(layers.Conv2D(4, 3, name="kept")(image))
    x = layers.Dense(8, activation="relu", name="cut")(layers.Flatten()(x))
    x = layers.UnitNormalization(name="norm")(x)
    x = layers.Dense(4, name="free")(layers.Dense(8, name="read")(x))
    left = slim.Slim().leaves(Candidate(k.tf_keras.Model(image, x)))
    assert left == {
        "kept": "soft (Softmax) needs all its channels",
        "cut": "norm (UnitNormalization) needs all its channels",
    }


@pytest.fixture
def deep():
    """Three residual branches, of which the first gives nothing and the last little."""
    k.tf_keras.utils.set_random_seed(0)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(8, 3, name="stem")(image)
    for name in ("one", "two", "three"):
        branch = layers.Conv2D(16, 3, padding="same", name=f"{name}_wide")(x)
        branch = layers.Conv2D(8, 1, name=f"{name}_narrow")(branch)
        x = layers.Add(name=name)([x, branch] if name == "two" else [branch, x])
    x = layers.Dense(3, name="out")(layers.GlobalAveragePooling2D()(x))
    model = k.tf_keras.Model(image, x)
    for name, factor in (("one", 0.0), ("three", 0.1)):
        layer = model.get_layer(f"{name}_narrow")
        layer.set_weights([factor * weight for weight in layer.get_weights()])
    return model


def test_the_branches_that_are_missed_least_go_first_and_whole(deep, task):
    cut = slim.Slim(blocks=2, reduction=0.4, epochs=0)(Candidate(deep), task)
    report = cut.reports[-1]
    assert report.notes["dropped_blocks"] == ("one", "three")
    assert set(report.touched) == {f"{n}_{w}" for n in ("one", "three") for w in ("wide", "narrow")}
    assert (
        report.notes["widths"] == {} and report.notes["multiply_adds"][1] == 21_656
    )  # stem, one branch, out
    left = {layer.name for layer in cut.model.layers}
    assert {"two", "two_wide", "out"} <= left and not {"one", "three", "one_wide"} & left
    expected = graph.rebuild(deep)
    for layer in (expected.get_layer("one_narrow"), expected.get_layer("three_narrow")):
        layer.set_weights([0 * weight for weight in layer.get_weights()])
    x = task.validation.x
    np.testing.assert_allclose(cut.model(x), expected(x), atol=1e-5)


def test_channels_give_what_branches_did_not(deep, task):
    cut = slim.Slim(blocks=1, reduction=0.6, epochs=0)(Candidate(deep), task)
    notes = cut.reports[-1].notes
    assert notes["dropped_blocks"] == ("one",) and notes["widths"]
    assert notes["multiply_adds"][1] <= 0.4 * notes["multiply_adds"][0]


def test_a_branch_with_a_layer_that_a_rule_leaves_alone_stays(deep, task):
    settings = {"reduction": 0.4, "epochs": 0, "rules": {"one_wide": None}}
    cut = slim.Slim(blocks=1, **settings)(Candidate(deep), task)
    assert cut.reports[-1].notes["dropped_blocks"] == ("three",)
    with pytest.raises(errors.BadInput, match=r"blocks=3\): the model has 2 residual branches"):
        slim.Slim(blocks=3, **settings).requires(Candidate(deep))


def test_a_search_drops_no_more_branches_than_there_are(deep, wide):
    assert slim.Slim.searched(deep) == {"blocks": (0, 1, 2)}
    assert slim.Slim.searched(wide) == {"blocks": (0,)}


def test_branches_that_something_was_promised_about_stay(deep, wide):
    held = Candidate(deep, (holds.Zeros("one_wide", "Conv2D", np.zeros((3, 3, 8, 16))),))
    with pytest.raises(errors.BadInput, match=r"promised of it \(zeros\)\. Put slim first"):
        slim.Slim(blocks=1).requires(held)
    with pytest.raises(errors.BadInput, match=r"has 0 residual branches.* Leave blocks out"):
        slim.Slim(blocks=1).requires(Candidate(wide))


def test_more_than_branches_and_channels_give_is_refused_before_training(deep, task):
    with pytest.raises(errors.BadInput, match=r"at most 0\.\d+ can go, from 62,616 to"):
        slim.Slim(blocks=1, reduction=0.99, epochs=4)(Candidate(deep), task)


def test_without_training_promises_are_kept_by_projecting(network):
    mask = np.zeros((1, 1, 4, 8), np.float32)
    before = network.get_layer("stem").kernel.numpy()
    slim._project(Candidate(network, (holds.Zeros("pointwise", "Conv2D", mask),)))
    assert not network.get_layer("pointwise").kernel.numpy().any()
    np.testing.assert_array_equal(network.get_layer("stem").kernel, before)
