"""What a comparison by resampling says, of comparisons made by hand; see also gate_test."""

import math

import pytest

from tfedge.data import metrics
from tfedge.release.gate import metric_check
from tfedge.release.statistics import bootstrap

ERROR = metrics.Metric("own_error", False, lambda outputs, y: 0.0)
SCORE = metrics.Metric("own_score", True, lambda outputs, y: 0.0)


def _told(metric, **fields):
    given = {
        **{"baseline": 2.0, "candidate": 2.01, "difference": 0.01, "interval": (-0.01, 0.03)},
        **{"limit": 0.05, "n": 400, "needed": 100, "outcome": "PASS"},
        **fields,
    }
    return metric_check._by_resampling(
        metric, bootstrap.Comparison(**given), 0.025, 0.05, "baseline"
    )


@pytest.mark.parametrize(("n", "is_luck"), [(43, True), (44, False), (400, False)])
def test_a_pass_on_few_of_the_examples_that_would_be_enough_leans_on_luck(n, is_luck):
    row, _ = _told(ERROR, n=n)
    told = f"this pass leans on luck ({n} of 100 examples that would be enough)"
    assert row.note == (told if is_luck else "")
    assert _told(ERROR, n=n, outcome="FAIL")[0].note == ""


def test_an_error_is_worse_upwards_and_a_score_downwards():
    row, difference = _told(ERROR)
    assert (row.value, row.limit, row.outcome) == (-0.03, -0.05, "PASS")
    assert (difference.low, difference.high, difference.limit) == (-0.01, 0.03, 0.05)
    row, difference = _told(SCORE)
    assert (row.value, row.limit) == (-0.01, -0.05)
    assert (difference.value, difference.limit, difference.needed) == (0.01, -0.05, 100)
    gained, _ = _told(SCORE, interval=(0.001, 0.03))
    assert "changed by +0.01 for the better" in gained.note
    lower, _ = _told(ERROR, difference=-0.02, interval=(-0.03, -0.001))
    assert lower.value == 0.001 and "changed by -0.02 for the better" in lower.note


def test_what_is_missing_is_said():
    row, difference = _told(ERROR, outcome="INSUFFICIENT_DATA", needed=1500)
    assert row.reason.endswith(
        "1,500 examples would pass an equally good candidate with 80% probability."
    )
    row, difference = _told(ERROR, outcome="INSUFFICIENT_DATA", needed=math.inf)
    assert "undefined in too many samples" in row.reason and difference.needed is None
    row, _ = _told(ERROR, candidate=math.nan, outcome="FAIL")
    assert row.reason.startswith("Own error of this model is no number on the 400 examples")
