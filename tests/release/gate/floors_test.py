import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import metrics
from tfedge.device import scorecard
from tfedge.release import gate
from tfedge.release.gate import floors
from tfedge.release.gate.limits import Limits


def _row(verdict, name="min_metric: accuracy"):
    return next(check for check in verdict.checks if check.name == name)


@pytest.mark.parametrize(
    ("floor", "outcome"),
    # 90.9 % of 10,000: Wilson's one-sided 95 % bound is 90.4 %
    [(0.90, "PASS"), (0.904, "PASS"), (0.906, "INSUFFICIENT_DATA"), (0.91, "FAIL")],
)
def test_a_share_is_judged_by_its_lower_bound(card, floor, outcome):
    verdict = gate.gate(card(), Limits(min_metric=floor))
    row = _row(verdict)
    assert row.outcome == verdict.outcome == outcome
    assert (row.value, row.limit) == (pytest.approx(0.909), floor)
    assert "at least 0.9042" in row.reason


@pytest.mark.parametrize(
    ("ceiling", "outcome"), [(1.1, "PASS"), (1.01, "INSUFFICIENT_DATA"), (0.98, "FAIL")]
)
def test_of_an_error_the_floor_is_a_ceiling(card, ceiling, outcome):
    """400 errors of mean 1 and deviation 0.3: the bound is 1 + 1.645 * 0.015 = 1.025."""
    noise = np.random.default_rng(0).normal(0, 1, 400)
    noise = 1 + 0.3 * (noise - noise.mean()) / noise.std()
    metric = metrics.Metric(
        "error", False, lambda o, y: float(np.mean(o)), per_example=lambda o, y: np.asarray(o)
    )
    scores = card(
        judged_by=metric,
        metric=scorecard.MetricValue("error", 1.0, 400, 1.0),
        targets=np.zeros(400),
        baseline_outputs=noise,
        candidate_outputs=noise,
        baseline_correct=None,
        candidate_correct=None,
    )
    for each in (metric, dataclasses.replace(metric, per_example=None)):
        judged = dataclasses.replace(scores, judged_by=each)
        row = _row(gate.gate(judged, Limits(min_metric={"error": ceiling})), "min_metric: error")
        assert row.outcome == outcome and "at most 1.02" in row.reason


def test_floors_of_each_metric_are_read_and_their_names_known(card):
    assert floors.FLAG.parse("0.9") == {"": 0.9}
    assert floors.FLAG.parse("accuracy:class=0.9,mean_absolute_error:box=4") == {
        "accuracy:class": 0.9,
        "mean_absolute_error:box": 4.0,
    }
    for text in ("high", "a=0.5,a=0.6", "nan", "a=inf", ""):
        with pytest.raises(errors.BadInput, match="--min_metric"):
            floors.FLAG.parse(text)
    with pytest.raises(errors.BadInput, match="these are: accuracy"):
        gate.gate(card(), Limits(min_metric={"auc": 0.5}))
    with pytest.raises(errors.BadInput, match="expected a number"):
        Limits(min_metric="0.9")


@pytest.mark.parametrize(
    ("before", "chance", "says"),
    [
        (0.4075, 1 / 3, "accuracy 40.8% where guessing reaches 33.3%"),
        (0.97, 0.96, "accuracy 97.0% where guessing reaches 96.0%"),
        (0.788, 0.912, "accuracy 78.8% where guessing reaches 91.2%"),
        (0.45, 0.01, "accuracy 45.0%"),
        (0.91, 0.1, None),
        (0.8, None, None),
    ],
)
def test_a_weak_baseline_is_said(card, before, chance, says):
    made = card()
    weak = dataclasses.replace(made.metric, baseline=before, chance=chance)
    verdict = gate.gate(dataclasses.replace(made, metric=weak))
    notes = [each["words"] for each in verdict.to_json()["notes"]]
    assert verdict.outcome == "PASS" and bool(notes) == (says is not None)
    if says:
        assert f"the baseline itself is weak ({says})" in verdict.sentence
        assert "baseline: accuracy" in [each.spoken_name for each in verdict.checks]


def test_a_weak_error_is_one_that_is_near_the_guess(card):
    made = card()
    for value, is_weak in ((1.9, True), (0.7, True), (0.5, False)):
        error = scorecard.MetricValue("error", value, 9, value, chance=1.0, higher_is_better=False)
        verdict = gate.gate(dataclasses.replace(made, metric=error))
        assert ("the baseline itself is weak" in verdict.sentence) == is_weak


def test_gains_and_luck_are_explained(card):
    gained = gate.gate(card(both=9000, only_baseline=50, only_candidate=250, neither=700))
    assert "accuracy changed by +2.00 points for the better" in gained.sentence
    assert "not from compression" in gained.sentence and "luck" not in gained.sentence
    few = gate.gate(card(both=60, only_baseline=0, only_candidate=12, neither=17))
    assert few.outcome == "PASS" and "leans on luck (89 examples" in few.sentence
    assert gate.gate(card()).sentence.endswith("checks passed.")
