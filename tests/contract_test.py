"""What every technique promises. Runs whatever file it finds in tfedge/compress/passes."""

import dataclasses
import functools
import json
import pathlib

import numpy as np
import pytest

from tfedge import errors, settings, to_tflite
from tfedge.compress import graph, holds, recipe
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Split, Task
from tfedge.device.file import tflite

PASSES = pathlib.Path(base.__file__).parent
NAMES = sorted(path.stem for path in PASSES.glob("*.py") if path.stem not in ("__init__", "base"))

# What cannot follow zeros and six values in a kernel; a new technique need not be named here.
KNOWN = (
    *("binary", "cluster", "correct_bias", "distill", "equalize", "fixed_point", "low_rank"),
    *("prune", "quantize", "slim", "ternary", "transfer"),
)
REFUSE_AFTER_PRUNE_AND_CLUSTER = ("binary", "cluster", "low_rank", "transfer")

every_pass = pytest.mark.parametrize("name", NAMES)


class Fenced(Split):
    """The held-out split: compression that looks at it fails."""

    def _refuse(self, *_):
        raise AssertionError("compression has read the held-out split")

    __len__ = batches = targets = take = _refuse


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 64)
    x = generator.normal(size=(64, 6, 6, 1)) + 1.5 * y.reshape(-1, 1, 1, 1)
    split = ArraySplit(x.astype(np.float32), y)
    return Task("made_up", "classification", split, split, split, Fenced(), batch_size=16, seed=3)


@functools.cache
def _model():
    """conv-BN-ReLU, depthwise-BN-ReLU6, 1x1 conv, dense: one of every kernel."""
    k.tf_keras.utils.set_random_seed(4)
    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7, name="stem_bn")(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.7, name="depthwise_bn")(x))
    x = layers.Flatten()(layers.Conv2D(8, 1, activation="relu", name="pointwise")(x))
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x), name="tiny")


def _kind(name):
    return recipe.available()[name]


def _short(name):
    """The pass with its defaults and one epoch."""
    fields = {field.name for field in dataclasses.fields(_kind(name))}
    return _kind(name)(**({"epochs": 1} if "epochs" in fields else {}))


@functools.cache
def _applied(name):
    return Recipe((_short(name),)).apply(_model(), _task())


def _weights(candidate):
    return [weight.copy() for weight in candidate.model.get_weights()]


def _same(one, two):
    return len(one) == len(two) and all(map(np.array_equal, one, two))


def test_every_file_is_a_pass():
    assert sorted(recipe.available()) == NAMES


@every_pass
def test_it_is_a_frozen_dataclass_of_settings_with_defaults(name):
    made = _kind(name)()
    assert made.name == name
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.epochs = 3
    declared = settings.of(_kind(name))
    assert [each.name for each in declared] == [field.name for field in dataclasses.fields(made)]
    for each in declared:
        assert each.help.endswith("."), f"{each.name} is not explained"
        assert each.kind.fits(each.default) and each.expected


@every_pass
def test_text_and_json_give_it_back(name):
    for made in (_kind(name)(), _short(name)):
        assert Recipe.parse(str(made)) == Recipe((made,))
        as_json = json.loads(json.dumps(Recipe((made,)).to_json()))
        assert Recipe.from_json(as_json) == Recipe((made,))
    assert Recipe.parse(name) == Recipe((_kind(name)(),))


@every_pass
def test_settings_it_does_not_have_are_refused(name):
    with pytest.raises(errors.BadInput, match="there is no such setting"):
        Recipe.parse(f"{name}(no_such_setting=1)")


@every_pass
def test_values_of_the_wrong_type_are_refused_when_it_is_made(name):
    for field in dataclasses.fields(_kind(name)):
        wrong = 3.5 if "str" in str(field.type) else "nonsense"
        with pytest.raises(errors.BadInput, match=name):
            recipe.make(name, {field.name: wrong})


@every_pass
def test_a_rule_that_names_no_layer_is_refused_before_training(name, monkeypatch):
    if "rules" not in {field.name for field in dataclasses.fields(_kind(name))}:
        pytest.skip("has no rules")
    monkeypatch.setattr(_kind(name), "apply", lambda *_: pytest.fail("started"))
    with pytest.raises(errors.BadInput, match="rule"):
        Recipe((recipe.make(name, {"rules": {"no_such_layer": None}}),)).apply(_model(), _task())


@every_pass
def test_the_report_covers_every_layer_with_a_kernel(name):
    report = _applied(name).reports[-1]
    skipped = dict(report.skipped)
    assert report.name == name and report.settings == str(_short(name))
    assert set(report.touched).isdisjoint(skipped)
    before = {kernel.layer for kernel in kernels.find(_model())}
    assert before <= set(report.touched) | set(skipped)
    assert all(skipped.values()), "skipped without a reason"
    json.dumps(report.to_json())


@every_pass
def test_the_layers_it_said_it_leaves_alone_are_those_it_left_alone(name):
    report = _applied(name).reports[-1]
    left = _short(name).leaves(Candidate(_model()))
    of_kernels = {kernel.layer for kernel in kernels.find(_model())} & set(left)
    assert {layer: left[layer] for layer in of_kernels}.items() <= dict(report.skipped).items()


@every_pass
def test_promises_are_kept_and_the_model_still_works(name):
    candidate = _applied(name)
    assert holds.broken(candidate.model, candidate.holds) == ()
    assert graph.is_functional(candidate.model)
    assert candidate.model.input_names == _model().input_names
    assert candidate.model.output_names == _model().output_names
    assert np.all(np.isfinite(candidate.model(_task().train.x)))


@every_pass
def test_promises_are_found_in_the_file(name):
    candidate = _applied(name)
    route = (_short(name).exports or ("int8",))[0]
    file = tflite.read(to_tflite(candidate, route, _task()))
    by_name = {kernel.tensor.name: kernel for kernel in file.kernels()}
    assert set(by_name) == {kernel.layer for kernel in kernels.find(candidate.model)}
    for hold in candidate.holds:
        kernel = by_name[hold.layer]
        found = hold.read(kernel.tensor.values(), kernel.channel_axis)
        assert found[2], f"{hold.kind} of {hold.layer}: {found}"


@every_pass
def test_the_same_seed_gives_the_same_candidate_and_the_input_stays(name):
    start = Candidate(graph.rebuild(_model()))
    before = _weights(start)
    first = _short(name)(start, _task())
    assert _same(before, _weights(start))
    assert start.holds == start.reports == () and start.quantization is None
    assert _same(_weights(_applied(name)), _weights(first))


@every_pass
def test_earlier_promises_are_kept_or_it_refuses(name):
    earlier = _promised()
    try:
        candidate = _short(name)(earlier, _task())
    except errors.BadInput as refusal:
        assert len(str(refusal)) > len(name)
        assert name in REFUSE_AFTER_PRUNE_AND_CLUSTER or name not in KNOWN, refusal
        return
    assert name not in REFUSE_AFTER_PRUNE_AND_CLUSTER
    # Shapes may have changed; that each promise implies its earlier form is checked by the base.
    kept = {(hold.kind, hold.layer) for hold in candidate.holds}
    assert {(hold.kind, hold.layer) for hold in earlier.holds} <= kept
    assert holds.broken(candidate.model, candidate.holds) == ()
    assert candidate.reports[: len(earlier.reports)] == earlier.reports


@functools.cache
def _promised():
    return Recipe.parse("prune(epochs=0), cluster(number_of_clusters=6, epochs=0)").apply(
        _model(), _task()
    )
