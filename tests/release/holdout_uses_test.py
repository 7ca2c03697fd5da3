import fcntl
import json
import multiprocessing
import os

import pytest

from tfedge.device import sandbox
from tfedge.release import gate, holdout_uses


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TFEDGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "holdout_uses"


def _files(state):
    return list(state.glob("*.json"))


def test_each_candidate_counts_once_on_each_held_out_set(state, card):
    scores = card(held_out="labels: 1")
    first, second = (holdout_uses.record(scores, content) for content in (b"a", b"b"))
    assert (first.number, second.number) == (1, 2)
    assert holdout_uses.record(scores, b"a") == first  # a second run says what the first one said
    assert holdout_uses.record(card(held_out="labels: 2"), b"b").number == 1
    assert len(_files(state)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"held_out": "not available: objects"},
        {"held_out": "labels: 1", "failure": sandbox.Failure("memory", "too much")},
    ],
)
def test_what_shows_nothing_is_not_counted(state, card, fields):
    assert holdout_uses.record(card(**fields), b"a") is None
    assert not state.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"candidates": [1]}', b'{"candidates": ["x"]}', b"\xff"],
)
def test_a_damaged_file_is_begun_anew(state, card, caplog, content):
    scores = card(held_out="labels: 1")
    holdout_uses.record(scores, b"a")
    (path,) = _files(state)
    path.write_bytes(content)
    assert holdout_uses.record(scores, b"b").number == 1
    assert "is damaged" in caplog.text
    assert len(json.loads(path.read_bytes())["candidates"]) == 1


def test_a_folder_that_cannot_be_written_stops_nothing(state, card, caplog):
    state.parent.write_text("a file where the folder would be")
    assert holdout_uses.record(card(held_out="labels: 1"), b"a") is None
    assert "is not known" in caplog.text


def _count(scores, numbers):
    for number in numbers:
        holdout_uses.record(scores, bytes([number]))


def test_runs_side_by_side_lose_no_candidate(state, card):
    scores = card(held_out="labels: 1", judged_by=None)
    context = multiprocessing.get_context("fork")
    runs = [
        context.Process(target=_count, args=(scores, range(start, start + 10)))
        for start in (0, 10, 20)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert holdout_uses.record(scores, b"last").number == 31
    assert not list(state.glob("*.new"))


def test_the_usual_folder_is_that_of_the_user(tmp_path, card, monkeypatch):
    monkeypatch.delenv("TFEDGE_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    holdout_uses.record(card(held_out="labels: 1"), b"a")
    assert os.listdir(tmp_path / "tfedge" / "holdout_uses")


def test_without_any_variable_it_is_in_the_home_folder(tmp_path, card, monkeypatch):
    for name in ("TFEDGE_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert holdout_uses.record(card(held_out="labels: 1"), b"a").number == 1
    assert os.listdir(tmp_path / ".local" / "state" / "tfedge" / "holdout_uses")


def test_a_lock_that_is_never_given_back_is_not_waited_for(state, card, caplog, monkeypatch):
    scores = card(held_out="labels: 1")
    holdout_uses.record(scores, b"a")
    monkeypatch.setattr(holdout_uses, "_PATIENCE_SECONDS", 0.1)
    (path,) = state.glob("*.lock")
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert holdout_uses.record(scores, b"b") is None
    assert "is not known" in caplog.text


def test_one_bad_sum_makes_the_file_a_damaged_one(state, card, caplog):
    scores = card(held_out="labels: 1")
    holdout_uses.record(scores, b"a")
    (path,) = _files(state)
    found = json.loads(path.read_bytes())
    path.write_text(json.dumps({**found, "candidates": [*found["candidates"], "x"]}))
    assert holdout_uses.record(scores, b"b").number == 1
    assert "is damaged" in caplog.text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "The first candidate judged on this held-out set"),
        (7, "The 7th candidate judged on this held-out set on this computer"),
        (7, "from 5% to as much as 30%. With the error shared out among all 7, this one passes"),
        (22, "The 22nd"),
        (111, "The 111th"),
    ],
)
def test_the_verdict_says_it_and_judges_nothing(card, number, words):
    verdict = gate.gate(card(), use=holdout_uses.Use(number))
    (check,) = [each for each in verdict.checks if each.name == "held_out_uses"]
    assert check.outcome == "REPORTED" and check.value == number and words in check.reason
    assert verdict.outcome == gate.gate(card()).outcome == "PASS"


def test_a_pass_that_rests_on_a_single_look_is_called_so(card):
    few = {"both": 900, "only_baseline": 13, "only_candidate": 17, "neither": 70}
    assert gate.gate(card(**few)).outcome == "PASS"
    verdict = gate.gate(card(**few), use=holdout_uses.Use(40))
    (check,) = [each for each in verdict.checks if each.name == "held_out_uses"]
    assert "this one does not pass" in check.reason
