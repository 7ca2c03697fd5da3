import dataclasses
import json
import pathlib
import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.device import correct_bits, profiles
from tfedge.release import comparison, gate
from tfedge.release.publishing import bundle, manifest, released
from tfedge.release.statistics import paired

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"
RECIPE = {
    "schema_version": 1,
    "recipe": "prune(final_sparsity=0.5)",
    "passes": [{"name": "prune", "settings": {"final_sparsity": 0.5, "epochs": 1}}],
    "export": "int8",
    "versions": {"tfedge": "0.1.0", "numpy": "2.4"},
}


@pytest.fixture
def release(tmp_path, card):
    """release(name, model="image_int8", recipe=RECIPE, **fields of the scorecard) -> Released."""

    def make(name, model="image_int8", recipe=RECIPE, **fields):
        scores = card(**{"held_out": "labels: 1", **fields})
        files = {
            "scorecard.json": manifest.as_json(scores.to_json()),
            "verdict.json": manifest.as_json(gate.gate(scores).to_json()),
            "recipe.json": manifest.as_json(recipe),
        }
        if model:
            files["model.tflite"] = (FILES / f"{model}.tflite").read_bytes()
        return released.read(bundle.publish(tmp_path / name, files))

    return make


def test_the_same_twice_differs_in_nothing(release):
    found = comparison.compare(release("a"), release("b"))
    assert found["same_held_out"] is True and found["metric"]["difference"] == 0
    assert not any(found[part] for part in ("checks", "layers", "settings", "notes"))
    assert all(row["a"] == row["b"] for row in found["figures"])
    assert json.loads(json.dumps(found)) == found


def test_on_the_same_examples_the_difference_is_paired(release):
    a, b = release("a"), release("b", only_candidate=0, neither=900)
    metric = comparison.compare(a, b)["metric"]
    answers = [correct_bits.unpack(x.scorecard["held_out"]["right"], 10_000) for x in (a, b)]
    pairs = paired.Pairs.count(*answers)
    assert (metric["only_a_right"], metric["only_b_right"]) == (90, 0)
    assert metric["difference"] == pytest.approx(-0.009)
    bounds = paired.tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, 0.1)
    assert (metric["low"], metric["high"]) == bounds


@pytest.mark.parametrize("other", ["labels: 2", "", "not available: objects"])
def test_on_other_examples_no_difference_is_told(release, other):
    found = comparison.compare(release("a"), release("b", held_out=other))
    assert "difference" not in found["metric"] and found["metric"]["b"] == found["metric"]["a"]
    assert any("held-out" in note for note in found["notes"])


def test_figures_checks_layers_and_settings(release):
    harder = {
        **RECIPE,
        "passes": [{"name": "prune", "settings": {"final_sparsity": 0.8, "epochs": 1}}],
        "versions": {"tfedge": "0.2.0", "numpy": "2.4"},
    }
    phone = dataclasses.replace(profiles.load("wearable"), max_file_bytes=1000)
    a = release("a", "image_float")
    found = comparison.compare(a, release("b", recipe=harder, file_bytes=30_000, profile=phone))
    figures = {row["name"]: row for row in found["figures"]}
    assert (figures["file"]["a"], figures["file"]["b"]) == (20_000, 30_000)
    assert {"check": "file_size", "a": "PASS", "b": "FAIL"} in found["checks"]
    settings = {row["name"]: (row["a"], row["b"]) for row in found["settings"]}
    assert settings == {
        "phone class": ("test_phone", "wearable"),
        "prune: final_sparsity": (0.5, 0.8),
        "version of tfedge": ("0.1.0", "0.2.0"),
    }
    conv = next(row for row in found["layers"] if row["layer"] == "conv")
    assert (conv["a"]["bits"], conv["b"]["bits"]) == (32, 8)
    assert any("phone classes" in note for note in found["notes"])


def test_a_layer_that_is_gone_and_a_rejected_candidate(release):
    a = release("a")
    fewer = dataclasses.replace(a, layers=a.layers[1:])
    gone = comparison.compare(a, fewer)["layers"]
    assert any(row["layer"] == "conv" and row["b"] is None for row in gone)
    found = comparison.compare(a, release("b", model=None))
    assert not found["layers"] and "B without model.tflite: layers are not compared" in str(found)


def test_a_changed_file_is_said(release, tmp_path):
    release("a")
    (tmp_path / "a" / "recipe.json").write_text(json.dumps(RECIPE))
    (note,) = released.read(tmp_path / "a").notes
    assert "recipe.json was changed" in note


def test_a_scorecard_alone(release, tmp_path):
    release("a")
    alone = released.read(tmp_path / "a" / "scorecard.json")
    found = comparison.compare(alone, alone)
    assert found["verdict"] == {"a": None, "b": None}
    assert found["metric"]["difference"] == 0 and not found["settings"]


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"schema_version": 1, "profile": "x"}', "[" * 10**6]
)
def test_what_is_no_scorecard_is_refused(tmp_path, content):
    path = tmp_path / "scorecard.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(errors.BadInput, match="scorecard"):
        released.read(path)


def test_answers_that_are_none_of_ours_give_no_interval(release):
    a = release("a")
    spoilt = dict(a.scorecard, held_out={**a.scorecard["held_out"], "right": "eJwDAAAAAAE="})
    metric = comparison.compare(a, dataclasses.replace(a, scorecard=spoilt))["metric"]
    assert metric["difference"] == 0 and "low" not in metric


def _class(label, value, n=10):
    return {"label": label, "value": value, "n": n}


def _told(per_class=(), **scorecard):
    return types.SimpleNamespace(
        scorecard={"per_class": per_class, **scorecard}, verdict={}, recipe={}, layers=None
    )


def test_classes_that_both_have_the_largest_loss_first():
    a = _told([_class("x", 0.5), _class("y", 0.9), _class("z", None), _class("w", 0.2), {}])
    b = _told([_class("y", 0.6, 12), _class("z", 0.7), _class("x", 0.5), _class("v", 0.1), 3])
    found = list(comparison._classes(a, b))
    assert [row["class"] for row in found] == ["y", "x", "z"]
    assert found[0] == {"class": "y", "a": 0.9, "b": 0.6, "change": pytest.approx(-0.3), "n": 12}
    assert found[1]["change"] == 0 and found[2]["change"] is None
    gain = list(
        comparison._classes(
            _told([_class("g", 0.1), *a.scorecard["per_class"]]),
            _told([_class("g", 0.9), *b.scorecard["per_class"]]),
        )
    )
    assert [row["class"] for row in gain] == ["y", "x", "g", "z"]


@pytest.mark.parametrize("n", [0, None, "3", 3.0])
def test_a_number_of_examples_that_is_none_gives_no_interval(n):
    held_out = {"right": correct_bits.pack(np.array([True, False, True])), "examples": n}
    each = _told(held_out=held_out)
    assert comparison._interval(each, each) == {}
    one = _told(held_out={"right": held_out["right"], "examples": 3})
    assert comparison._interval(one, one)["only_a_right"] == 0
    assert comparison._interval(_told(held_out={"right": 5, "examples": 3}), one) == {}


def test_a_figure_that_one_of_them_has_is_shown():
    found = list(comparison._figures(_told(file_bytes=5), _told()))
    assert [(row["a"], row["b"]) for row in found] == [(5, None)]
    assert list(comparison._figures(_told(), _told())) == []


def test_checks_of_another_outcome_or_of_one_verdict_alone():
    def verdict(*checks):
        told = _told()
        told.verdict = {"checks": [{"name": n, "outcome": o} for n, o in checks]}
        return told

    a = verdict(("one", "PASS"), ("two", "PASS"), ("three", "FAIL"))
    b = verdict(("two", "FAIL"), ("three", "FAIL"), ("four", "PASS"))
    assert list(comparison._checks(a, b)) == [
        {"check": "one", "a": "PASS", "b": None},
        {"check": "two", "a": "PASS", "b": "FAIL"},
        {"check": "four", "a": None, "b": "PASS"},
    ]
    assert list(comparison._checks(a, _told())) == list(comparison._checks(_told(), b)) == []
