"""What few bits ask of the phones' runtime, told before anything is trained."""

import functools

import numpy as np
import pytest

from tfedge import dry_run, errors, export
from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.device import compatibility, profiles
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.making import preparing, reading, runtime_needs
from tfedge.making.order import Order

layers = k.tf_keras.layers
OLD = profiles.Profile(name="old_phone")
NEW = profiles.Profile(name="new_phone", runtime_version="2.21.0")
_BLOCKS = 'int4(activations="float", block_size=32)'
_FLOAT = 'quantize(bits=4, activations="float", epochs=0)'
_ALL = "words in few bits and dense in blocks need runtime 2.21.0"
_MATRIX = "dense in blocks need runtime 2.21.0"
_TABLE = "words in few bits need runtime 2.21.0"


@functools.cache
def _model():
    """A table of words, and a dense layer whose rows are blocks of 32."""
    numbers = k.tf_keras.Input((4,), dtype="int32")
    x = layers.LayerNormalization()(layers.Embedding(9, 64, name="words")(numbers))
    x = layers.Dense(2, "softmax", name="dense")(layers.GlobalAveragePooling1D()(x))
    return k.tf_keras.Model(numbers, x)


@functools.cache
def _task():
    numbers = np.random.default_rng(0).permutation(9**4)[:160]
    x = np.stack([numbers // 9**place % 9 for place in range(4)], axis=1).astype(np.int32)
    whole = ArraySplit(x, x[:, 0] % 2)
    parts = (whole.take(np.arange(40) + start) for start in range(0, 160, 40))
    return Task("words", "classification", *parts)


@functools.cache
def _baseline():
    return export.to_tflite(_model(), "float32", _task())


def _needs(recipe, route, phone=OLD):
    found = Recipe.parse(recipe), options.Export.parse(route)
    return runtime_needs.of(_baseline(), *found, phone)


@pytest.mark.parametrize(
    ("recipe", "route", "said"),
    [
        (_FLOAT, _BLOCKS, _ALL),
        ("", _BLOCKS, _ALL),
        ("", _BLOCKS.replace("32", "128"), _TABLE),
        ("quantize(bits=4)", "int4", _TABLE),
        ("quantize(bits=4), quantize(rules={'words': {'bits': 3}})", "int4", _TABLE),
        ("quantize(bits=4, rules={'words': {'bits': 5}})", "int4", None),
        ("quantize(bits=2)", "int8", None),
        ("", 'int4(precision={"wor.*": "int8"})', None),
        ("", 'int4(precision={"wor.*": "int8"}, activations="float", block_size=32)', _MATRIX),
        ("", 'int4(precision="auto")', None),
        ("prune", "int8", None),
    ],
)
def test_what_is_too_new_for_a_phone(recipe, route, said):
    found = _needs(recipe, route)
    assert (found if found is None else str(found)) == said
    assert _needs(recipe, route, None) is None and _needs(recipe, route, NEW) is None


@pytest.mark.parametrize("route", [_BLOCKS, 'int4(activations="float")', "int4"])
def test_the_file_states_what_was_foreseen(route):
    file = tflite.read(export.to_tflite(_model(), route, _task()))
    needs = _needs("", route)
    assert compatibility.needed_runtime(file) == needs.runtime == "2.21.0"
    lacking = {each.operator for each in compatibility.check(file, OLD)}
    assert lacking == {"EMBEDDING_LOOKUP", *(["FULLY_CONNECTED"] if needs.matrices else [])}


def test_what_somebody_wrote_is_refused_with_what_to_write():
    for recipe, route, remedy in (
        (_FLOAT, None, 'block_size=0 and rules={"words": {"bits": 8}} in the recipe'),
        ("", "int4", 'precision={"words": "int8"} in --export'),
    ):
        with pytest.raises(errors.BadInput, match="--profile=old_phone: words in few") as error:
            preparing.prepare(reading.read(Order(_model(), _task(), recipe, route)), phone=OLD)
        assert f"{remedy}; or, where the app ships such a runtime" in str(error.value)
        assert '"runtime_version": "2.21.0" in a profile of your own' in str(error.value)


def test_a_named_recipe_takes_the_fewest_bits_that_the_phone_reads():
    order = Order(_model(), _task(), "int4", epochs_scale=0)
    given = preparing.prepare(reading.read(order), phone=OLD).given
    assert given.export.to_text() == 'int4(activations="float")'
    quantize = given.recipe.passes[-1]
    assert (quantize.bits_of("dense"), quantize.bits_of("words")) == (4, 8)
    assert given.reason.endswith(_ALL)
    newer = preparing.prepare(reading.read(order), phone=NEW).given
    assert newer.export.to_text() == _BLOCKS and newer.recipe.bits_of("words") == 4


def test_other_recipes_of_one_model_are_held_to_it():
    order = Order(_model(), _task(), "", "int8")
    ready = preparing.prepare(reading.read(order), phone=OLD)
    with pytest.raises(errors.BadInput, match="words in few bits"):
        preparing.with_recipe(ready, Recipe.parse("quantize(bits=4)"), "int4")


def test_a_plan_says_which_runtime():
    assert dry_run.compress(Order(_model(), _task(), "", "int4")).runtime == "2.21.0"
