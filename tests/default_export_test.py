"""Which export a model has where nobody asked for one."""

import functools

import numpy as np
import pytest

from tfedge import dry_run
from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.data import task as task_lib
from tfedge.device import profiles
from tfedge.making import default_export, preparing, reading
from tfedge.making.order import Order

layers = k.tf_keras.layers
CPU = profiles.Profile(name="small_phone")
NPU = profiles.Profile(name="npu_phone", needs_integers=True)
WHY = "with LayerNormalization, integer activations are slower on the CPU of small_phone"


@functools.cache
def _model(norm="LayerNormalization"):
    values = k.tf_keras.Input((8,))
    x = getattr(layers, norm)()(layers.Dense(6, name="first")(values))
    return k.tf_keras.Model(values, layers.Dense(3, "softmax", name="last")(x), name="net")


def _of(text, model=None, phone=CPU, is_ours=True):
    recipe = Recipe.parse(text)
    return default_export.of(recipe, model or _model(), phone, is_ours=is_ours)


@pytest.mark.parametrize(
    ("text", "export", "recipe"),
    [
        ("quick", "dynamic", ""),
        ("prune", "dynamic", "prune()"),
        ("quantize", "dynamic", 'quantize(activations="float")'),
        (
            "prune, quantize(bits=4)",
            'int4(activations="float", block_size=32)',
            'prune(), quantize(bits=4, activations="float")',
        ),
    ],
)
def test_normalization_of_each_example_stays_in_floats_on_a_cpu(text, export, recipe):
    found = _of(text)
    assert (found.export, str(found.recipe)) == (export, recipe)
    assert found.reason.startswith(WHY)
    assert _of(text, phone=None).reason.startswith(WHY.replace("the CPU of small_phone", "a CPU"))


def test_passes_that_somebody_wrote_stay_and_the_log_says_what_would_be_faster():
    found = _of("quantize", is_ours=False)
    assert (found.export, str(found.recipe)) == ("int8", "quantize()")
    assert found.reason.startswith("the recipe trains for it")
    assert 'quantize(activations="float")' in found.reason
    assert _of("prune", is_ours=False).export == "dynamic"


def test_a_phone_that_takes_integers_alone_gets_them():
    assert _of("quick", phone=NPU).export == 'int8(precision={".*": "int8"})'
    found = _of("prune, quantize", phone=NPU)
    throughout = 'prune(), quantize(normalization="int8")'
    assert (found.export, str(found.recipe)) == ("int8", throughout)
    assert found.reason == "what computes on npu_phone is made for integers"
    own = _of("quantize", phone=NPU, is_ours=False)
    assert (own.export, str(own.recipe)) == ("int8", "quantize()")
    assert own.reason == (
        f"{found.reason}; the recipe trains LayerNormalization in float: see "
        'quantize(normalization="int8")'
    )


@pytest.mark.parametrize("text", ["quick", "quantize", "quantize(bits=4)"])
def test_other_networks_go_where_the_recipe_goes(text):
    for model in (_model("BatchNormalization"), object()):
        found = _of(text, model)
        assert (found.export, found.reason) == (Recipe.parse(text).default_route(), "")
        assert found.recipe == Recipe.parse(text)


def test_a_layer_of_a_model_in_the_model_counts():
    values = k.tf_keras.Input((8,))
    found = _of("quick", k.tf_keras.Model(values, _model()(values)))
    assert found.export == "dynamic" and found.reason.startswith(WHY)


def _task():
    generator = np.random.default_rng(0)
    whole = task_lib.ArraySplit(
        generator.normal(size=(160, 8)).astype(np.float32), generator.integers(0, 3, 160)
    )
    parts = (whole.take(np.arange(40) + start) for start in range(0, 160, 40))
    return task_lib.Task("values", "classification", *parts)


def test_an_order_takes_it_where_it_leaves_the_export_open(caplog):
    caplog.set_level("INFO", "absl")
    order = Order(_model(), _task(), recipe="pqat", epochs_scale=0)
    ready = preparing.prepare(reading.read(order), phone=CPU)
    assert ready.given.export.to_text() == "dynamic"
    assert str(ready.given.recipe) == 'prune(epochs=1), quantize(activations="float", epochs=1)'
    assert ready.given.reason.startswith(WHY)
    assert f"without --export it is dynamic: {WHY}" in caplog.text
    asked = preparing.prepare(reading.read(Order(_model(), _task(), "quick", "int8")), phone=CPU)
    assert (asked.given.export.to_text(), asked.given.reason) == ("int8", "")


def test_a_plan_says_why():
    plan = dry_run.compress(Order(_model(), _task(), ""))
    assert plan.export == "dynamic" and "on a CPU" in plan.reason
