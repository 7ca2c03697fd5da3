"""How much a file loses, of outputs and scores made up by hand."""

import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import ArraySplit, Task
from tfedge.device import scoring
from tfedge.export.post_training import loss
from tfedge.export.trials import dry_run

FLOAT = np.array([[0.0, 4.0], [2.0, 0.0], [4.0, 2.0], [2.0, 6.0]])


def _task(n=4, kind="classification"):
    split = ArraySplit(np.zeros((n, 1), np.float32), np.arange(n) % 2)
    return Task("t", kind, split, split, split)


@pytest.fixture
def judge(monkeypatch):
    """judge(outputs by file, kind=) -> a Judge for which nothing is run."""

    def make(files, kind="classification"):
        def run(data, split, task):
            if data not in files:
                raise dry_run.DoesNotRunError("it does not")
            return types.SimpleNamespace(outputs=files[data], count=len(split))

        monkeypatch.setattr(dry_run, "run", run)
        monkeypatch.setattr(scoring, "score", _no_better_than_chance)
        return loss.Judge(b"float", _task(kind=kind))

    return make


def _no_better_than_chance(*_):
    raise errors.BadInput("it", "guesses", "Train it.")


def test_noise_is_counted_against_the_spread_of_the_worst_output(judge):
    # The columns of FLOAT spread by 2 and 5: 3.5 in the middle.
    made = judge(
        {
            b"float": {"a": FLOAT, "b": FLOAT},
            b"far": {"a": FLOAT + 0.5, "b": FLOAT},
            b"both": {"a": FLOAT + 0.5, "b": FLOAT - 2},
            b"same": {"a": FLOAT, "b": FLOAT},
            b"broken": {"a": FLOAT, "b": FLOAT * np.nan},
        }
    )
    assert made.snr_db(b"far") == pytest.approx(10 * np.log10(3.5 / 0.25))
    assert made.snr_db(b"both") == pytest.approx(10 * np.log10(3.5 / 4))
    assert made.snr_db(b"same") == np.inf and made.snr_db(b"broken") == -np.inf


def test_other_answers_are_counted_where_scores_tell_nothing(judge):
    other = FLOAT[:, ::-1]
    half = np.where(np.arange(4)[:, None] < 2, FLOAT, other)
    made = judge(
        {
            b"float": {"a": FLOAT, "b": FLOAT},
            b"half": {"a": half, "b": FLOAT},
            b"all": {"a": other, "b": other},
        }
    )
    found = made.loss(b"half")
    assert found.points == 0.25  # half of the answers of one output of two
    assert found.uncertainty == pytest.approx(0.25 / 2)  # spread of 0, 0, .5, .5 over root of 4
    assert (made.loss(b"all").points, made.loss(b"all").uncertainty) == (1.0, 0.0)


def test_values_lose_by_their_noise(judge):
    files = {b"float": {"a": FLOAT[:, :1]}, b"off": {"a": FLOAT[:, :1] + 0.5}}
    assert judge(files).loss(b"off").points == pytest.approx(np.sqrt(0.25 / 2))
    files = {b"float": {"a": FLOAT}, b"off": {"a": FLOAT + 0.5}}
    found = judge(files, kind="regression").loss(b"off")
    assert (found.points, found.uncertainty) == (pytest.approx(np.sqrt(0.25 / 3.5)), 0.0)


def test_what_does_not_run_loses_everything(judge):
    found = judge({b"float": {"a": FLOAT}}).loss(b"none")
    assert (found.points, found.uncertainty, found.snr_db) == (np.inf, 0.0, -np.inf)


def _answers(value=0.0, correct=None):
    correct = None if correct is None else np.array(correct, bool)
    return types.SimpleNamespace(value=value, correct=correct)


@pytest.mark.parametrize(
    ("ours", "theirs", "higher", "expected"),
    [
        (_answers(correct=[1, 0, 0, 1]), _answers(correct=[1, 1, 1, 0]), True, 0.25),
        (_answers(0.6), _answers(0.8), True, 0.25),
        (_answers(1.5), _answers(1.0), False, 0.5),
        (_answers(0.5, [1]), _answers(-1.0), True, -1.5),
    ],
)
def test_scores_lose_answers_or_a_share_of_the_value(
    judge, monkeypatch, ours, theirs, higher, expected
):
    made = judge({b"float": {"a": FLOAT}, b"it": {"a": FLOAT}})
    metric = types.SimpleNamespace(higher_is_better=higher)
    scores = types.SimpleNamespace(candidate=ours, baseline=theirs, metric=metric)
    monkeypatch.setattr(scoring, "score", lambda *_: scores)
    found = made.loss(b"it")
    assert found.points == pytest.approx(expected)
    lost = np.array([0, 1, 1, -1])
    spread = lost.std() / 2 if theirs.correct is not None else 0.0
    assert found.uncertainty == pytest.approx(spread)


def test_a_standard_error_is_spared():
    found = loss.Loss(0.5, 0.25, 0.0)
    assert found.within(0.75) and not found.within(0.7499)


@pytest.mark.parametrize(
    ("signal", "noise", "expected"),
    [(100, 1, 20), (1, 100, -20), (1, 0, np.inf), (1, np.nan, -np.inf), (0, 1, -3000)],
)
def test_decibels(signal, noise, expected):
    assert loss.decibels(signal, noise) == pytest.approx(expected)


def test_at_most_so_many_examples_from_first_to_last(monkeypatch):
    seen = []
    monkeypatch.setattr(
        dry_run, "run", lambda data, split, task: seen.append(split.x.ravel().tolist())
    )
    x = np.arange(9, dtype=np.float32)[:, None]
    split = ArraySplit(x, np.arange(9) % 2)
    loss.Judge(b"", Task("t", "classification", split, split, split), at_most=3)
    loss.Judge(b"", Task("t", "classification", split, split, split), at_most=20)
    assert seen == [[0, 4, 8], list(range(9))]
