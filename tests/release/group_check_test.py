import dataclasses

import numpy as np
import pytest

from tfedge.data import metrics
from tfedge.release import gate


@pytest.fixture
def two_sided(card):
    """1,000 examples: the left half loses 30 of 500, the right half wins 30."""
    made = card(both=900, only_baseline=30, only_candidate=30, neither=40)
    side = np.repeat(["right", "left", "right", "left"], [440, 490, 30, 40])
    return dataclasses.replace(made, slices={"side": side})


def _row(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def test_a_slice_that_paid_for_the_average_is_reported(two_sided):
    verdict = gate.gate(two_sided, gate.Limits(margin=0.02))
    assert verdict.outcome == "PASS"
    row = _row(verdict, "group: side: left")
    assert row.outcome == "REPORTED" and row.value == pytest.approx(-30 / 530)
    assert "1 classes or slices got worse" in verdict.sentence
    assert {each.group for each in verdict.groups} >= {"side: left", "side: right"}


def test_beyond_the_margin_of_a_group_it_fails(two_sided):
    verdict = gate.gate(two_sided, gate.Limits(margin=0.02, group_margin=0.02))
    assert verdict.outcome == "FAIL"
    assert _row(verdict, "group: side: left").outcome == "FAIL"
    lenient = gate.gate(two_sided, gate.Limits(margin=0.02, group_margin=0.2))
    assert lenient.outcome == "PASS"


def test_one_row_where_no_group_got_worse(two_sided):
    same = dataclasses.replace(two_sided, candidate_correct=two_sided.baseline_correct)
    verdict = gate.gate(same)
    assert _row(verdict, "groups").outcome == "PASS"
    assert [each["change"] for each in verdict.to_json()["groups"]] == [0, 0]


def test_every_metric_must_pass(card):
    opposite = metrics.Metric(
        "half", True, lambda o, y: 0.0, correct=lambda o, y: np.asarray(o).argmax(axis=1) == 1
    )
    made = card(both=900, only_baseline=60, only_candidate=60, neither=0)
    good = dataclasses.replace(made, also_judged_by=(opposite,))
    assert _row(gate.gate(good, gate.Limits(margin=0.05)), "metric: half").outcome == "PASS"
    bad = dataclasses.replace(good, candidate_outputs=1 - made.baseline_outputs)
    assert gate.gate(bad, gate.Limits(margin=0.05)).outcome == "FAIL"


def test_the_verdict_says_what_the_data_can_show(card):
    assert "would pass an equally good candidate" in gate.gate(card()).to_json()["power"]


def test_slices_of_a_metric_without_right_answers_are_not_passed_over_in_silence(two_sided):
    error = metrics.Metric("own_error", False, lambda outputs, y: 0.1)
    blind = dataclasses.replace(
        two_sided, judged_by=error, baseline_correct=None, candidate_correct=None
    )
    row = _row(gate.gate(blind), "groups")
    assert row.outcome == "REPORTED" and "slices (side) were not tested" in row.reason
