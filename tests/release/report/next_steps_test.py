"""What a rejection says to try. Fixtures are made by hand; nothing is trained."""

import pathlib

import numpy as np
import pytest

from tfedge.data import task as data_task
from tfedge.device import scorecard
from tfedge.release import gate
from tfedge.release.gate.limits import Limits
from tfedge.release.report import facts, pass_costs, sensitivity
from tfedge.release.report.sections import next_steps

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"
SPLIT = data_task.ArraySplit(np.zeros((4, 2), np.float32), np.arange(4) % 2)
LABELS = ("bag", "boot")
TASK = data_task.Task("two", "classification", SPLIT, SPLIT, SPLIT, SPLIT, labels=LABELS)


def _report(name, before, after, **more):
    changes = {
        "loss": {"before": before, "after": after},
        "accuracy": {"before": 0.9, "after": 0.912345},
    }
    return {
        "name": name,
        "settings": f"{name}(hard=True)",
        "touched": ["conv", "dense"],
        "validation": changes,
        **more,
    }


@pytest.fixture
def steps(card):
    """steps(limits of the gate, fields of Facts, **counts or fields of a scorecard)."""

    def make(limits=None, told=None, **fields):
        scores = card(**fields)
        verdict = gate.gate(scores, Limits(**(limits or {})))
        content = (FILES / "image_int8.tflite").read_bytes()
        made = facts.Facts("net", scores, verdict, content, TASK, **(told or {}))
        return next_steps.of(made)

    return make


WORSE = {"both": 8800, "only_baseline": 300, "only_candidate": 0, "neither": 900}


def test_a_release_has_none(steps):
    assert steps() is None


def test_what_costs_too_much_is_not_told_to_train_longer(steps):
    assert steps({"max_file_bytes": 10}, {"recipe": {"epochs_scale": 0.1}}) is None


def test_how_many_examples_are_missing(steps):
    (step,) = steps(both=300, only_baseline=6, only_candidate=6, neither=88)
    assert step.what == "Judge it on 1,571 held-out examples more."
    assert "1,971 would pass" in step.why and step.why.endswith("there are 400.")


def test_without_a_baseline_one_is_asked_for(steps):
    (step,) = steps(baseline_outputs=None)
    assert step.write == "--baseline=FILE.tflite"


def test_the_pass_that_cost_most_is_named(steps):
    reports = [
        _report("prune", 0.2, 0.5),
        _report("cluster", 0.5, 1.5),
        _report("quantize", 1.5, 1.6),
    ]
    recipe = {"passes": [{"name": "cluster", "settings": {"rules": {}}}]}
    shares = {"conv": 0.3, "dense": 0.5, "gone": 0.9, "x": 0}
    told = {"reports": reports, "sensitivities": sensitivity.Sensitivities(shares)}
    first, second = steps(told={**told, "recipe": recipe}, **WORSE)
    assert first.what == "Ask less of cluster, or leave it out: it cost most."
    assert first.why == "cluster(hard=True): validation loss 0.5 to 1.5, accuracy 90.00% to 91.23%."
    assert second.what.endswith("depend on most: dense (50%), conv (30%).")
    assert second.write == 'cluster(rules={"dense": None})'


def test_where_no_pass_cost_anything_the_export_is_looked_at(steps):
    told = {"reports": [_report("prune", 0.2, 0.21), _report("quantize", 0.21, 0.2)]}
    told["reports"][0]["validation"]["loss"]["after"] = 0.2039  # within 2 % of 0.2
    (step,) = steps(told=told, **WORSE)
    assert step.what.startswith("Compare another export") and "0.21 to 0.2," in step.why


def test_a_shortened_training_is_the_first_to_blame(steps):
    found = steps(told={"recipe": {"epochs_scale": 0.25}}, **WORSE)
    assert found[0].write == "--epochs_scale=1" and "shortened to 0.25" in found[0].why
    assert steps(told={"recipe": {"epochs_scale": 1.0}}, **WORSE) is None


def test_a_class_that_lost_is_named_with_what_it_is_taken_for(steps):
    targets = np.repeat([0, 1], [900, 100])
    after = np.where(np.arange(1000) < 960, targets, 0)
    found = steps(
        {"group_margin": 0.1},
        both=960,
        only_baseline=40,
        only_candidate=0,
        neither=0,
        targets=targets,
        baseline_outputs=np.eye(2)[targets],
        candidate_outputs=np.eye(2)[after],
        per_class=tuple(scorecard.ClassValue(name, 500, 1.0, 1.0) for name in LABELS),
    )
    assert [step.what for step in found] == [
        "Give class 'boot' more training examples, or more weight."
    ]
    assert (
        "mostly taken for bag: 40 (baseline 0): class 'boot' fell from 100.0 to 60.0 %"
        in found[0].why
    )


def test_a_pass_of_which_nothing_is_known_costs_nothing():
    bare = {"name": "prune", "settings": "prune", "touched": []}
    assert pass_costs.words({}) == "" and pass_costs.costliest([bare]) is None
    worst = pass_costs.costliest([bare, _report("cluster", 0.1, 0.2), _report("prune", 0.2, 0.25)])
    assert worst["name"] == "cluster"


def test_numbers_that_are_none_in_the_file_stop_nothing(steps):
    broken = _report("prune", 0.2, float("nan"))
    assert steps(told={"reports": [broken]}, **WORSE) is not None
