import dataclasses

import numpy as np
import pytest

from tfedge.data import metrics
from tfedge.device import scorecard
from tfedge.release import gate
from tfedge.release.gate import group_check
from tfedge.release.gate.limits import Limits
from tfedge.release.statistics import groups


@pytest.fixture
def two_sided(card):
    """1,000 examples: the left half loses 30 of 500, the right half wins 30."""
    made = card(both=900, only_baseline=30, only_candidate=30, neither=40)
    side = np.repeat(["right", "left", "right", "left"], [440, 490, 30, 40])
    return dataclasses.replace(made, slices={"side": side})


def _row(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def test_a_slice_that_paid_for_the_average_is_reported(two_sided):
    verdict = gate.gate(two_sided, Limits(margin=0.02))
    assert verdict.outcome == "PASS"
    row = _row(verdict, "group: side: left")
    assert row.outcome == "REPORTED" and row.value == pytest.approx(-30 / 530)
    assert verdict.sentence.endswith("But side 'left' fell from 92.5 to 86.8 %.")
    assert "groups" not in {check.name for check in verdict.checks}
    told = verdict.to_json()["notes"]
    assert told == [{"check": "group: side: left", "words": "side 'left' fell from 92.5 to 86.8 %"}]
    assert {each.group for each in verdict.groups} >= {"side: left", "side: right"}


def test_beyond_the_margin_of_a_group_it_fails(two_sided):
    verdict = gate.gate(two_sided, Limits(margin=0.02, group_margin=0.02))
    assert verdict.outcome == "FAIL"
    assert _row(verdict, "group: side: left").outcome == "FAIL"
    lenient = gate.gate(two_sided, Limits(margin=0.02, group_margin=0.2))
    assert lenient.outcome == "PASS"


def test_one_row_where_no_group_got_worse(two_sided):
    same = dataclasses.replace(two_sided, candidate_right=two_sided.baseline_right)
    verdict = gate.gate(same)
    assert _row(verdict, "groups").outcome == "PASS"
    assert [each["change"] for each in verdict.to_json()["groups"]] == [0, 0]


def test_every_metric_must_pass(card):
    opposite = metrics.Metric(
        "half", True, lambda o, y: 0.0, correct=lambda o, y: np.asarray(o).argmax(axis=1) == 1
    )
    made = card(both=900, only_baseline=60, only_candidate=60, neither=0)
    good = dataclasses.replace(made, also_judged_by=(opposite,))
    assert _row(gate.gate(good, Limits(margin=0.05)), "metric: half").outcome == "PASS"
    bad = dataclasses.replace(good, candidate_outputs=1 - made.baseline_outputs)
    assert gate.gate(bad, Limits(margin=0.05)).outcome == "FAIL"


def test_the_verdict_says_what_the_data_can_show(card):
    assert "would pass an equally good candidate" in gate.gate(card()).to_json()["power"]


def _error(outputs, y):
    return np.abs(outputs - y)


@pytest.fixture
def by_error(card):
    """400 examples of an error; that of the left half grows by a tenth."""
    random = np.random.default_rng(0)
    noise, side = np.abs(random.normal(1, 0.3, 400)), np.repeat(["left", "right"], 200)
    metric = metrics.Metric("own_error", False, lambda o, y: float(_error(o, y).mean()))
    return card(
        judged_by=dataclasses.replace(metric, per_example=_error),
        targets=np.zeros(400),
        baseline_outputs=noise,
        candidate_outputs=noise * np.where(side == "left", 1.1, 0.95) + random.normal(0, 0.01, 400),
        baseline_correct=None,
        candidate_correct=None,
        slices={"side": side},
    )


def test_a_slice_whose_error_grew_is_reported_or_fails(by_error):
    reported = _row(gate.gate(by_error, Limits(margin=0.5)), "group: side: left")
    assert reported.outcome == "REPORTED" and reported.value == pytest.approx(-0.1, abs=0.02)
    assert "own error went from" in reported.reason and "among 2 groups" in reported.reason
    assert reported.limit is None and reported.note.startswith("side 'left' got worse: own error")
    strict = gate.gate(by_error, Limits(margin=0.5, group_margin=0.02))
    row = _row(strict, "group: side: left")
    before = by_error.baseline_outputs[:200].mean()
    assert row.outcome == "FAIL" and row.limit == pytest.approx(-0.02 * before)
    assert "groups" not in {check.name for check in strict.checks}
    lenient = gate.gate(by_error, Limits(margin=0.5, group_margin=0.3))
    assert _row(lenient, "group: side: left").outcome == "REPORTED"
    same = dataclasses.replace(by_error, candidate_outputs=by_error.baseline_outputs)
    assert _row(gate.gate(same), "groups").outcome == "PASS"


def test_a_metric_that_is_no_mean_says_that_slices_are_not_tested(by_error):
    metric = dataclasses.replace(by_error.judged_by, per_example=None)
    row = _row(gate.gate(dataclasses.replace(by_error, judged_by=metric)), "groups")
    assert row.outcome == "REPORTED" and "slices (side) are not tested" in row.reason


def test_a_margin_that_judges_nothing_is_said_in_the_last_line(by_error):
    whole = dataclasses.replace(by_error.judged_by, per_example=None)
    few = {"user": np.array([f"user {number}" for number in range(400)])}
    for changed, cause in (
        ({"slices": {}}, "there are neither classes with right answers nor slices."),
        ({"judged_by": whole}, "own error is no mean over examples: slices (side) are not tested."),
        ({"slices": few}, "no group was tested: groups of fewer than 30 examples are left out."),
    ):
        made = dataclasses.replace(by_error, **changed)
        strict = gate.gate(made, Limits(margin=0.5, group_margin=0.02))
        assert strict.sentence.endswith(f"But --group_margin judged nothing: {cause}")
        assert _row(strict, "groups").limit == -0.02
        assert "--group_margin" not in gate.gate(made, Limits(margin=0.5)).sentence
    without = dataclasses.replace(by_error, slices={})
    assert "groups" not in {check.name for check in gate.gate(without).checks}


def test_classes_are_judged_by_their_answers_whatever_the_metric_is(card):
    """Of 250 of class 1, 193 were right and 79 are; class 0 keeps its 750: macro F1 may pass."""
    y = np.repeat([0, 1], [750, 250])
    before, after = (np.arange(1000) < 750 + kept for kept in (193, 79))
    even = metrics.Metric("macro_f1", True, lambda o, y: float(np.mean(o)) * 0 + 0.6)
    made = card(
        judged_by=even,
        targets=y,
        per_class=tuple(scorecard.ClassValue(name, 1, 1.0) for name in ("no", "yes")),
        baseline_outputs=before.astype(float),
        candidate_outputs=after.astype(float),
        baseline_correct=None,
        candidate_correct=None,
        baseline_right=before,
        candidate_right=after,
    )
    strict = gate.gate(made, Limits(group_margin=0.05))
    row = _row(strict, "group: class: yes")
    assert row.outcome == "FAIL" and row.value == pytest.approx((79 - 193) / 250)
    assert "Class yes went from 77.2% to 31.6% of 250 examples" in row.reason
    assert [each.change for each in strict.groups] == [0, pytest.approx(-0.456)]
    told = gate.gate(made).sentence
    assert "class 'yes' fell from 77.2 to 31.6 %" in told


def test_slices_too_small_to_test_are_said_to_be_untested(by_error):
    few = np.array([f"user {number}" for number in range(400)])
    row = _row(gate.gate(dataclasses.replace(by_error, slices={"user": few})), "groups")
    assert row.outcome == "REPORTED" and row.reason.startswith("No group was tested")


def test_a_second_metric_may_be_no_count_of_right_answers(card):
    auc = metrics.Metric("auc", True, lambda o, y: float(np.mean(np.asarray(o)[:, 1])))
    found = gate.gate(card(also_judged_by=(auc,)), Limits(margin=0.02))
    row = _row(found, "metric: auc")
    assert row.spoken_name == "metric: AUC"
    assert row.outcome == "PASS" and "higher is better" in row.reason


def test_a_label_stays_as_it_is(two_sided):
    (kind,) = two_sided.slices
    renamed = {kind: np.where(two_sided.slices[kind] == "left", "left_f1:b", "right")}
    row = _row(gate.gate(dataclasses.replace(two_sided, slices=renamed)), "group: side: left_f1:b")
    assert row.reason.startswith("Side left_f1:b went from 92.5%")


def _change(group, before, after, p_worse, p_beyond):
    return groups.GroupChange(group, 1200, before, after, -0.1, 0.02, 9, 1, p_worse, p_beyond)


@pytest.mark.parametrize(
    ("p_worse", "p_beyond", "margin", "outcome"),
    [
        (0.05, 0.9, 0.02, "REPORTED"),
        (0.05, 0.05, 0.02, "FAIL"),
        (0.2, 0.05, 0.02, "FAIL"),  # two tests, of which the second is not exact
        (0.01, 0.01, None, "REPORTED"),
    ],
)
def test_either_test_names_a_group_and_the_margins_own_fails_it(p_worse, p_beyond, margin, outcome):
    lost = _change("class: a: b", 0.9, 0.85, p_worse, p_beyond)
    same = _change("class: c", 0.9, 0.9, 0.06, 0.06)
    (row,) = group_check.check((same, lost), margin, 0.05)
    accepted = "-2.0 is accepted" if margin else row.reason.rpartition("; ")[2][:-1]
    assert row.reason == (
        "Class a: b went from 90.0% to 85.0% of 1,200 examples (-10.0 to +2.0 points): more than"
        f" chance explains among 2 groups (at 5%); {accepted}."
    )
    assert (row.name, row.outcome) == ("group: class: a: b", outcome)
    assert row.value == pytest.approx(-0.05) and row.limit == (None if margin is None else -margin)
    assert row.note == "class 'a: b' fell from 90.0 to 85.0 %"


def test_the_largest_loss_is_told_where_none_is_shown():
    found = (_change("class: c", 0.9, 0.91, 0.06, 1.0), _change("side: up", 0.9, 0.88, 0.06, 1.0))
    (row,) = group_check.check(found, 0.02, 0.05)
    assert (row.outcome, row.limit) == ("PASS", -0.02) and row.value == pytest.approx(-0.02)
    assert row.reason == (
        "No class or slice of 2 got worse than chance explains; the largest loss is that of"
        " side up, -2.0 points."
    )
    (row,) = group_check.check((_change("side: up", 0.9, 0.9, 1.0, 1.0),), None, 0.05)
    assert row.reason == "No class or slice of 1 got worse than chance explains."
    assert row.limit is None and list(group_check.check((), 0.02, 0.05)) == []
