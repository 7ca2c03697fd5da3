import dataclasses
import pathlib
import types

import pytest

from tfedge import making, recipe_file
from tfedge.making import preparing, reading


@pytest.mark.parametrize(
    ("own", "given", "expected"),
    [
        ("functional_3", "there/net.keras", "net"),
        ("sequential", "py:code/net.py:make", "net"),
        ("model", pathlib.Path("saved/net"), "net"),
        ("modelled", "there/net.keras", "modelled"),
        ("functional", object(), "functional"),
    ],
)
def test_a_name_that_keras_gave_says_less_than_that_of_the_file(own, given, expected):
    assert making._name(own, given) == expected


def test_what_has_no_name_is_called_as_its_file():
    assert making._name("", "there/net.tflite") == "net"


def _order(**fields):
    given = {
        name: None for name in ("export", "input_shape", "seed", "augment", "task", "data_dir")
    }
    return types.SimpleNamespace(**{**given, "allow_flex": False, **fields})


def _recipe(default="int8", refuses=()):
    def check_export(export):
        route = export.partition("(")[0]
        if route in refuses:
            raise ValueError(route)

    return types.SimpleNamespace(default_route=lambda: default, check_export=check_export)


@pytest.mark.parametrize(
    ("ordered", "recorded", "route"),
    [
        (None, {}, "int8"),
        (None, {"export": "int16x8"}, "int16x8"),
        ("dynamic", {"export": "int16x8"}, "dynamic"),
    ],
)
@pytest.mark.parametrize("allow_flex", [False, True])
def test_an_export_is_ordered_or_recorded_or_the_recipes_own(ordered, recorded, route, allow_flex):
    order = _order(export=ordered, allow_flex=allow_flex)
    chosen = reading.choose_export(order, recorded, _recipe("int8"))
    assert (chosen.route, chosen.allow_flex) == (route, allow_flex)
    with pytest.raises(ValueError, match=route):
        reading.choose_export(order, recorded, _recipe("int8", (route,)))


def test_what_an_order_leaves_open_is_taken_from_its_recipe_file():
    found = {"input_shape": "4", "seed": 7, "augment": "flip", "source": "digits", "data_dir": "d"}
    taken = reading._left_open(_order(task="digits"), found)
    assert taken == {"input_shape": "4", "seed": 7, "augment": "flip", "data_dir": "d"}
    own = _order(task="digits", input_shape="5", seed=0, augment="", data_dir="e")
    assert reading._left_open(own, found) == {
        "input_shape": "5", "seed": 0, "augment": "", "data_dir": "e"
    }  # fmt: skip
    assert "data_dir" not in reading._left_open(_order(task="npz:other.npz"), found)


@pytest.mark.parametrize(
    ("recorded", "class_weight", "sample_weight", "used"),
    [
        ({"1": 2.0}, None, None, {"1": 2.0}),
        ({}, None, None, "none"),  # none were found then, and none are looked for now
        (None, None, None, None),
        ({"1": 2.0}, "balanced", None, "balanced"),
        ({"1": 2.0}, None, [1.0], None),
    ],
)
def test_recorded_class_weights_are_used_where_none_are_given(
    monkeypatch, recorded, class_weight, sample_weight, used
):
    @dataclasses.dataclass
    class Task:
        class_weight: object
        sample_weight: object

    monkeypatch.setattr(recipe_file, "class_weight", lambda found, task, baseline: recorded)
    task = Task(class_weight, sample_weight)
    assert preparing._with_recorded_weights(task, {}, b"").class_weight == used
