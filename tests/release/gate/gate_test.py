import dataclasses
import json
import math

import numpy as np
import pytest

import tfedge
from tfedge import errors
from tfedge.data import metrics
from tfedge.device import compatibility, sandbox
from tfedge.release import gate
from tfedge.release.gate import holdout_uses
from tfedge.release.gate.limits import Limits

LIMITS = Limits(max_file_bytes=50_000, max_memory_bytes=1_000_000, profile="test_phone")


def _row(verdict, name):
    (found,) = (check for check in verdict.checks if check.name == name)
    return found


def test_a_good_candidate_passes(card):
    verdict = tfedge.gate(card(), LIMITS)
    assert verdict.outcome == "PASS" and verdict.exit_code == 0
    assert [check.name for check in verdict.checks] == [
        "runs",
        "metric",
        "file_size",
        "peak_memory",
        "operators",
        "flex",
        "host_latency",
    ]
    metric = _row(verdict, "metric")
    assert metric.limit == -0.01 and -0.01 < metric.value < -0.001
    assert "Accuracy 90.90%, baseline 91.00%, on the same 10,000 examples" in metric.reason
    assert "Only the baseline has 100 right, only this model 90" in metric.reason


def test_limits_come_from_the_scorecards_phone_class(card):
    assert tfedge.gate(card(file_bytes=50_000)).outcome == "PASS"
    verdict = tfedge.gate(card(file_bytes=50_001))
    assert verdict.outcome == "FAIL"
    assert _row(verdict, "file_size").reason == (
        "The file takes 50,001 bytes; test_phone allows 50,000."
    )
    assert Limits.from_profile("wearable", margin=0.03).max_file_bytes == 4 * 2**20


def test_latency_of_the_host_is_never_judged(card):
    slow = dataclasses.replace(card().host, p50=1e6)
    verdict = tfedge.gate(card(host=slow))
    assert verdict.outcome == "PASS"
    assert _row(verdict, "host_latency").outcome == "REPORTED"


def test_too_much_memory_fails_with_both_numbers(card):
    check = _row(tfedge.gate(card(peak_memory_bytes=1_500_000)), "peak_memory")
    assert check.outcome == "FAIL"
    assert "1,500,000" in check.reason and "1,000,000" in check.reason


def test_a_worse_candidate_fails(card):
    verdict = tfedge.gate(card(both=8800, only_baseline=300))
    assert verdict.outcome == "FAIL" and verdict.exit_code == 3
    assert "worse than the margin allows" in verdict.sentence


def test_too_few_examples_name_how_many_would_do(card):
    verdict = tfedge.gate(card(both=300, only_baseline=6, only_candidate=6, neither=88))
    assert verdict.outcome == "INSUFFICIENT_DATA" and verdict.exit_code == 4
    assert "1,971 examples would pass" in verdict.sentence
    assert verdict.sentence.count("\n") == 0


def test_failed_goes_before_undecided(card):
    verdict = tfedge.gate(
        card(both=300, only_baseline=6, only_candidate=6, neither=88, file_bytes=10**6)
    )
    assert verdict.exit_code == 3


def test_a_wider_margin_decides_on_fewer(card):
    few = card(both=570, only_baseline=8, only_candidate=8, neither=14)
    assert tfedge.gate(few, Limits(margin=0.03)).outcome == "PASS"
    assert tfedge.gate(few, Limits(margin=0.005)).outcome == "INSUFFICIENT_DATA"


def test_what_did_not_run_was_not_measured(card):
    failure = sandbox.Failure("memory", "needed 2 MB, 1 MB allowed")
    verdict = tfedge.gate(
        card(
            failure=failure,
            metric=None,
            host=None,
            peak_memory_bytes=None,
            judged_by=None,
            candidate_outputs=None,
            candidate_correct=None,
        )
    )
    assert verdict.outcome == "FAIL" and verdict.difference is None
    assert {check.name for check in verdict.checks} == {"runs", "file_size", "operators", "flex"}
    assert "memory" in verdict.sentence and "1 MB allowed" in verdict.sentence
    row = _row(verdict, "runs")
    assert (row.value, row.limit, row.outcome) == (False, True, "FAIL")
    assert row.reason == "The model did not run (memory): needed 2 MB, 1 MB allowed."
    assert verdict.power == ""


def test_what_ran_and_what_it_was_trained_on_are_said(card):
    verdict = tfedge.gate(card())
    row = _row(verdict, "runs")
    assert (row.value, row.limit, row.outcome) == (True, True, "PASS")
    assert "trained_on" not in {check.name for check in verdict.checks}
    told = gate.gate(card(), trained_on="of 3 files none is held out")
    row = _row(told, "trained_on")
    assert (row.outcome, row.reason) == ("REPORTED", "Of 3 files none is held out.")
    told = gate.gate(card(), trained_on="tfedge drew this split")
    assert _row(told, "trained_on").reason == "tfedge drew this split."


def test_what_decided_is_shown_first(card):
    verdict = tfedge.gate(
        card(only_baseline=1000, only_candidate=0, both=8100), Limits(margin=0.01)
    )
    title, rows = verdict._shown()
    assert title == "Verdict FAIL"
    names = [name for name, _ in rows if name not in ("notes", "passed")]
    outcomes = [row.partition(":")[0] for name, row in rows if name in names]
    assert outcomes[0] == "FAIL" and "REPORTED" in outcomes
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome != "FAIL")


@pytest.mark.parametrize(("size", "outcome"), [(50_000, "PASS"), (50_001, "FAIL")])
def test_a_limit_may_be_reached(card, size, outcome):
    limits = Limits(max_file_bytes=50_000, max_memory_bytes=size)
    verdict = gate.gate(card(file_bytes=size, peak_memory_bytes=50_000), limits)
    row = _row(verdict, "file_size")
    assert (row.outcome, row.value, row.limit) == (outcome, size, 50_000)
    assert _row(verdict, "peak_memory").outcome == "PASS"
    free = _row(gate.gate(card(file_bytes=size), Limits(max_file_bytes=None)), "file_size")
    assert (free.outcome, free.reason) == (
        "REPORTED",
        f"The file takes {size:,} bytes; no limit was set.",
    )


def test_without_a_baseline_nothing_is_decided(card):
    verdict = tfedge.gate(card(baseline_outputs=None, baseline_correct=None))
    assert verdict.outcome == "INSUFFICIENT_DATA"
    assert "--baseline" in verdict.sentence


def test_operators_the_phone_lacks(card):
    lacking = compatibility.Incompatibility("WHILE", "loop", "test_phone denies it")
    check = _row(tfedge.gate(card(incompatible=(lacking,))), "operators")
    assert check.outcome == "FAIL" and check.value == ["WHILE"]
    assert check.reason == "test_phone lacks WHILE at loop: test_phone denies it."


def test_the_same_reason_is_said_once(card):
    more = metrics.Metric("auc", True, lambda o, y: 0.5)
    verdict = tfedge.gate(card(baseline_outputs=None, also_judged_by=(more,)))
    assert len([check for check in verdict.checks if check.outcome == "INSUFFICIENT_DATA"]) == 2
    assert verdict.sentence.count("There is no baseline to compare with") == 1


@pytest.mark.parametrize(("allowed", "outcome"), [(False, "FAIL"), (True, "PASS")])
def test_flex_ships_only_when_allowed(card, allowed, outcome):
    flex = compatibility.Incompatibility("FlexErf", "gelu", "needs TensorFlow")
    verdict = tfedge.gate(
        card(flex_operators=("FlexErf",), incompatible=(flex,)), Limits(allow_flex=allowed)
    )
    row = _row(verdict, "flex")
    choice = "which was allowed" if allowed else "--allow_flex would allow that"
    assert row.reason == f"FlexErf need TensorFlow (Flex) inside the app; {choice}."
    assert (verdict.outcome, row.outcome) == (outcome, outcome)
    assert (row.value, row.limit) == (["FlexErf"], ["FlexErf"] if allowed else [])
    assert _row(verdict, "operators").outcome == "PASS"  # it is said once


def _promise(tensor, kept):
    return {
        "kind": "zeros",
        "tensor": tensor,
        "promised": 0.8,
        "found": 0.8 if kept else 0.1,
        "kept": kept,
    }


def test_kept_promises_are_one_row(card):
    check = _row(tfedge.gate(card(holds=(_promise("a", True), _promise("b", True)))), "holds")
    assert check.outcome == "PASS" and check.value == 2


def test_each_broken_promise_is_named(card):
    holds = (_promise("a", False), _promise("b", True), _promise("c", False))
    verdict = tfedge.gate(card(holds=holds))
    assert verdict.outcome == "FAIL"
    assert _row(verdict, "hold: zeros of a").reason == (
        "Promised for zeros of a: 0.8; found in the file: 0.1."
    )
    assert _row(verdict, "hold: zeros of c") and "holds" not in [c.name for c in verdict.checks]


def _absolute_error(outputs, targets):
    return np.abs(outputs - targets)


ERROR = metrics.Metric(
    "mean_absolute_error",
    False,
    lambda outputs, targets: float(_absolute_error(outputs, targets).mean()),
)


def _regression(card, factor, metric=ERROR, n=800):
    random = np.random.default_rng(0)
    targets, noise = random.normal(size=(2, n))
    return card(
        judged_by=metric,
        targets=targets,
        baseline_outputs=targets + noise,
        candidate_outputs=targets + factor * noise,
        baseline_correct=None,
        candidate_correct=None,
    )


@pytest.mark.parametrize("per_example", [None, _absolute_error])
@pytest.mark.parametrize(("factor", "outcome"), [(1.001, "PASS"), (0.9, "PASS"), (1.05, "FAIL")])
def test_an_error_is_judged_by_a_bootstrap_downwards(card, factor, outcome, per_example):
    metric = dataclasses.replace(ERROR, per_example=per_example)
    verdict = tfedge.gate(_regression(card, factor, metric), Limits(margin=0.01))
    assert verdict.outcome == outcome
    assert "lower is better" in _row(verdict, "metric").reason
    assert verdict.difference.limit > 0


def test_a_candidate_that_answers_nan_fails(card):
    verdict = tfedge.gate(_regression(card, math.nan))
    assert verdict.outcome == "FAIL"
    assert "of this model is no number on the 800 examples" in _row(verdict, "metric").reason


def test_the_metric_is_judged_again_without_near_duplicates(card):
    """The last 500 of the examples that only the candidate has right are leaked ones."""
    leaky = card(both=9000, only_baseline=300, only_candidate=500, neither=200)
    assert tfedge.gate(leaky).outcome == "PASS"
    verdict = tfedge.gate(leaky, near_duplicates=np.arange(9300, 9800))
    again = _row(verdict, "metric_without_near_duplicates")
    assert again.outcome == "FAIL" and "Without 500 near duplicates" in again.reason


def test_verdict_json_follows_the_contract(card):
    content = json.loads(json.dumps(tfedge.gate(card()).to_json()))
    assert content["schema_version"] == 1 and content["outcome"] == "PASS"
    for check in content["checks"]:
        assert set(check) == {"name", "value", "limit", "outcome", "reason"}
        assert check["reason"].endswith(".")


def test_who_set_a_limit_is_said(card):
    limits = Limits.from_profile(card().profile, max_file_bytes=19_999, max_memory_bytes=None)
    verdict = tfedge.gate(card(), limits)
    assert _row(verdict, "file_size").reason == (
        "The file takes 20,000 bytes; your own limit allows 19,999."
    )
    assert _row(tfedge.gate(card()), "peak_memory").reason.endswith(
        "; test_phone allows 1,000,000."
    )


def test_the_input_model_stands_beside_the_baseline_and_decides_nothing(card):
    against = card(both=9000, only_baseline=900, only_candidate=90, neither=10)
    verdict = tfedge.gate(card(beside=against))
    assert verdict.outcome == "PASS" and _row(verdict, "metric").outcome == "PASS"
    row = _row(verdict, "input_model")
    assert row.outcome == "REPORTED" and row.limit == -0.01
    assert row.reason.startswith("Beside the baseline, which decides. Accuracy 90.90%, input model")
    assert "Only the input model has 900 right" in row.reason
    lost = "But it is worse than the input model by more than the margin."
    assert verdict.sentence.endswith(lost)
    assert verdict.difference == tfedge.gate(card()).difference
    fine = tfedge.gate(card(both=9000, only_baseline=900, only_candidate=90, beside=card()))
    assert fine.outcome == "FAIL" and not _row(fine, "input_model").note
    assert "input_model" not in {check.name for check in tfedge.gate(card()).checks}


def test_each_metric_is_compared_with_the_input_model(card):
    more = metrics.Metric("auc", True, lambda o, y: float(np.mean(np.asarray(o)[:, 1])))
    found = tfedge.gate(card(beside=card(also_judged_by=(more,))))
    assert "AUC 0.909, input model 0.91" in _row(found, "input_model: auc").reason


def _shifted_error(card, shift, seed=1):
    """1,000 errors of about 1, then about 1 + shift, the pairs 0.1 apart on either side."""
    random = np.random.default_rng(seed)
    before = np.full(1000, 1.0)
    gained = random.permutation(np.repeat([-0.1, 0.1], 500)) + shift
    return card(
        judged_by=metrics.Metric.mean("own_error", False, lambda o, y: np.asarray(o)),
        targets=np.zeros(1000),
        baseline_outputs=before,
        candidate_outputs=before + gained,
        baseline_correct=None,
        candidate_correct=None,
    )


@pytest.mark.parametrize(
    ("shift", "margin", "said"),
    [
        (0.007, 0.01, "not shown to be within the margin, as so many examples would show of a "),
        (0.05, 0.01, ": worse than the margin allows. "),
    ],
)
def test_an_error_fails_for_the_reason_that_it_names(card, shift, margin, said):
    """The mean lies within 1.645 * 0.1 / sqrt(1000) = 0.0052 of the shift, on either side."""
    found = tfedge.gate(_shifted_error(card, shift), Limits(margin=margin))
    row = _row(found, "metric")
    assert row.outcome == "FAIL" and row.value == pytest.approx(-shift - 0.0052, abs=0.0005)
    assert said in row.reason
    assert ("worse than" in row.reason) == (found.difference.low > found.difference.limit)


def test_the_same_of_a_metric_of_which_more_is_better(card):
    gain = _shifted_error(card, -0.007)
    more = dataclasses.replace(gain.judged_by, higher_is_better=True)
    row = _row(tfedge.gate(dataclasses.replace(gain, judged_by=more)), "metric")
    assert row.outcome == "FAIL" and "not shown to be within the margin" in row.reason


def test_a_file_that_grew_is_named_and_ships(card):
    grown = tfedge.gate(card(file_bytes=11_392, baseline_file_bytes=11_312))
    assert grown.outcome == "PASS" and _row(grown, "file_size").outcome == "PASS"
    assert grown.sentence.endswith(
        "But the file is larger than the baseline's: 11,392 against 11,312 bytes."
    )
    for before in (11_392, None):
        same = tfedge.gate(card(file_bytes=11_392, baseline_file_bytes=before))
        assert "But" not in same.sentence


def test_flex_needs_a_word_in_python_too(card):
    verdict = tfedge.gate(card(flex_operators=("FlexErf",)), Limits())
    assert verdict.outcome == "FAIL" and _row(verdict, "flex").outcome == "FAIL"


def test_a_second_candidate_judged_by_an_error(card):
    half = metrics.Metric("error", False, lambda o, y: float(np.mean(np.asarray(o)[:, 0])))
    blank = {"baseline_correct": None, "candidate_correct": None, "judged_by": half}
    scores = card(**blank, metric=None)
    row = _row(tfedge.gate(scores, use=holdout_uses.Use(2)), "held_out_uses")
    assert row.reason.endswith("A fresh held-out set makes a verdict that stands alone.")
    assert "shared out" not in row.reason


def test_a_share_of_the_baseline_is_what_may_be_lost(card):
    best = metrics.Metric("auc", True, lambda o, y: float(np.mean(np.asarray(o)[:, 1])))
    scores = card(baseline_correct=None, candidate_correct=None, judged_by=best)
    assert tfedge.gate(scores).difference.limit == pytest.approx(-0.01 * 0.91)


@pytest.mark.parametrize(
    "settings",
    [
        *({"margin": 1.0}, {"margin": -0.1}, {"alpha": 0.7}),
        *({"max_latency_ms": "fast"}, {"max_energy_mj": math.nan}, {"max_file_bytes": 0}),
    ],
)
def test_limits_out_of_range(settings):
    with pytest.raises(errors.BadInput):
        Limits(**settings)


def test_outputs_without_a_metric_are_named(card):
    one, two = (tfedge.gate(card(unjudged=names)) for names in (("box",), ("box", "mask")))
    assert one.outcome == "PASS" and one.sentence.endswith("But output 'box' is not judged.")
    assert two.sentence.endswith("But outputs 'box', 'mask' are not judged.")
