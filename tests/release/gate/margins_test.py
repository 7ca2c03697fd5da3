import pytest

from tfedge import errors
from tfedge.data import metrics
from tfedge.release import gate
from tfedge.release.gate import margins
from tfedge.release.gate.limits import Limits

# Of the cards' outputs: 0.97 of the baseline, 0.94 of the candidate, as the accuracy is.
SUM = metrics.Metric("sum:box", True, lambda o, y: o[:, 1].mean(), per_example=lambda o, y: o[:, 1])
LOST = {"both": 9400, "only_baseline": 300, "only_candidate": 0, "neither": 300}


def _rows(made, margin):
    verdict = gate.gate(made, Limits(margin=margin))
    return {each.name: each for each in verdict.checks if each.name.startswith("metric")}


def test_each_metric_is_held_to_its_own(card):
    made = card(**LOST, also_judged_by=(SUM,))
    for margin, first, second in (
        (0.01, "FAIL", "FAIL"),
        ({"accuracy": 0.05}, "PASS", "FAIL"),
        ({"": 0.05}, "PASS", "PASS"),
        ({"": 0.05, "sum:box": 0.02}, "PASS", "FAIL"),
        ({"accuracy": 0.02, "sum:box": 0.05}, "FAIL", "PASS"),
    ):
        rows = _rows(made, margin)
        assert (rows["metric"].outcome, rows["metric: sum:box"].outcome) == (first, second)
    assert "-2.00 is accepted" in rows["metric"].reason and rows["metric"].limit == -0.02
    assert "5.00% of the baseline, is accepted" in rows["metric: sum:box"].reason
    assert rows["metric: sum:box"].limit == pytest.approx(-0.05 * 0.97)


def test_what_the_examples_can_show_is_said_of_the_first_metrics_margin(card):
    made = card(also_judged_by=(SUM,))
    said = [gate.gate(made, Limits(margin=margin)).power for margin in (0.03, {"accuracy": 0.03})]
    assert said[0] == said[1] != gate.gate(made, Limits(margin={"sum:box": 0.03})).power


def test_one_of_a_metric_that_is_not_judged_is_refused(card):
    with pytest.raises(errors.BadInput, match=r"--margin sum:box: .* these are: accuracy"):
        gate.gate(card(), Limits(margin={"sum:box": 0.03}))


def test_they_are_written_and_read():
    assert margins.parse("0.02") == 0.02
    by_metric = {"": 0.01, "mean_absolute_error:box": 0.05}
    assert margins.parse("0.01, mean_absolute_error:box=0.05") == by_metric
    assert margins.write(by_metric) == "0.01,mean_absolute_error:box=0.05"
    assert margins.write(0.005) == "0.005"
    assert margins.of({"auc": 0.1}, "accuracy") == 0.01
    for text in ("wide", "0.1,0.2", "auc=0.1,auc=0.2", ""):
        with pytest.raises(errors.BadInput, match="--margin"):
            margins.parse(text)


@pytest.mark.parametrize("margin", [1.0, -0.1, None, "0.01", {"auc": 1.0}, {"": float("nan")}])
def test_a_margin_that_is_no_share_is_refused(margin):
    with pytest.raises(errors.BadInput, match=r"--margin.*expected a share from 0 to below 1"):
        Limits(margin=margin)
