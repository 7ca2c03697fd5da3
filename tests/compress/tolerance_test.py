import pytest

from tfedge.compress import factors
from tfedge.compress.factors import ranks, tolerance

WAY = factors.ALL[0]
LADDERS = {
    "dear": [ranks.Option(WAY, (4,), 600, 0.9), ranks.Option(WAY, (2,), 100, 0.7)],
    "cheap": [ranks.Option(WAY, (4,), 900, 0.9)],
}
BEFORE = {"dear": 1000, "cheap": 1000}


def test_what_a_step_is_worth_is_what_it_saves_by_what_it_loses():
    losses = {"dear": [0.01, 0.05], "cheap": [0.0]}
    first = tolerance._worth(losses, LADDERS, BEFORE, {}, tolerance=0.02)
    least = 0.02 / 20
    assert first("dear") == pytest.approx(400 / (0.01 + least))
    assert first("cheap") == pytest.approx(100 / least)  # not infinitely good
    then = tolerance._worth(losses, LADDERS, BEFORE, {"dear": 0}, tolerance=0.02)
    assert then("dear") == pytest.approx(500 / (0.04 + least))
