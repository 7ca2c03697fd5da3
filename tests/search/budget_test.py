import pytest

from tfedge import errors
from tfedge.search import budget, goals


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30min", 1800), ("30m", 1800), ("1.5h", 5400), ("1d", 86400), (" 2 h", 7200)],
)
def test_a_time(text, seconds):
    assert budget.Budget.parse(text) == budget.Budget(seconds=seconds)


@pytest.mark.parametrize("text", ["40trials", "40 trials"])
def test_a_number_of_trials(text):
    assert budget.Budget.parse(text) == budget.Budget(trials=40)


def test_one_trial():
    assert budget.Budget.parse("1trial") == budget.Budget(trials=1)


@pytest.mark.parametrize("text", ["", "40", "h", "0h", "0trials", "1.5trials", "-3h", "1 week"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(errors.BadInput, match="1h, 30min, 90s or 40trials"):
        budget.Budget.parse(text)


def test_what_is_left():
    assert budget.Budget(seconds=100).left(25, 7) == 0.75
    assert budget.Budget(trials=40).left(1e9, 30) == 0.25
    assert budget.Budget(trials=2).left(0, 2) == 0


def test_an_unknown_objective_is_refused_with_the_nearest():
    with pytest.raises(errors.BadInput, match="Did you mean 'latency'"):
        goals.check("latancy")
