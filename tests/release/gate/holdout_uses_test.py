import fcntl
import json
import multiprocessing
import os

import pytest

from tfedge.device import sandbox
from tfedge.release import gate
from tfedge.release.gate import holdout_uses
from tfedge.release.gate.limits import Limits


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("TFEDGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state" / "holdout_uses"


def _files(state):
    return list(state.glob("*.json"))


def _record(scores, content, margin=0.01):
    margins = margin if isinstance(margin, dict) else {"accuracy": margin, "auc": margin}
    return holdout_uses.record(scores, content, margins)


def test_each_judgement_counts_on_its_held_out_set(state, card):
    scores = card(held_out="labels: 1")
    first, second, again = (_record(scores, content) for content in (b"a", b"b", b"a"))
    assert (first.number, second.number, again.number) == (1, 2, 3)
    assert (first.candidates, second.candidates, again.candidates) == (1, 2, 2)
    assert _record(card(held_out="labels: 2"), b"b").number == 1
    assert len(_files(state)) == 2


def test_a_margin_wider_than_an_earlier_one_is_found(state, card):
    scores, others = card(held_out="labels: 1"), card(held_out="labels: 2")
    wider = (holdout_uses.Widened("", 0.01, 0.03),)
    assert not _record(scores, b"a", 0.02).widened
    assert not _record(scores, b"a", 0.02).widened  # the same is not wider
    assert not _record(scores, b"a", 0.01).widened
    assert _record(scores, b"b", 0.03).widened == wider  # another model, the same examples
    assert not _record(others, b"c", 0.05).widened
    assert _record(others, b"a", 0.03).widened == wider  # other examples, the same model


def test_each_metric_has_a_margin_that_may_be_wider_than_its_own(state, card):
    scores = card(held_out="labels: 1")
    assert not _record(scores, b"a", {"accuracy": 0.01, "iou:box": 0.05}).widened
    (found,) = _record(scores, b"a", {"accuracy": 0.01, "iou:box": 0.1}).widened
    assert found == holdout_uses.Widened("iou:box", 0.05, 0.1)
    assert not _record(scores, b"a", {"accuracy": 0.01, "auc": 0.5}).widened  # never judged before
    (found,) = _record(scores, b"a", {"accuracy": 0.02, "auc": 0.02}).widened
    assert found == holdout_uses.Widened("accuracy", 0.01, 0.02)


def test_what_was_counted_before_margins_were_kept_still_counts(state, card):
    scores = card(held_out="labels: 1")
    _record(scores, b"a")
    (path,) = _files(state)
    path.write_text(json.dumps({"schema_version": 1, "candidates": ["a" * 64, "b" * 64]}))
    use = _record(scores, b"a", 0.5)
    assert (use.number, use.candidates, use.widened) == (3, 3, ())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"held_out": "not available: objects"},
        {"held_out": "labels: 1", "failure": sandbox.Failure("memory", "too much")},
    ],
)
def test_what_shows_nothing_is_not_counted(state, card, fields):
    assert _record(card(**fields), b"a") is None
    assert not state.exists()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b'{"candidates": [1]}', b'{"candidates": ["x"]}', b"\xff"),
        *(b'{"looks": [1]}', b'{"looks": [{"candidate": "%s"}]}' % (b"a" * 64)),
        b'{"looks": [{"candidate": "%s", "margin": 2}]}' % (b"a" * 64),
        b'{"looks": [{"candidate": "%s", "margin": "wide"}]}' % (b"a" * 64),
        b'{"looks": [{"candidate": "%s", "margin": {"auc": 1.5}}]}' % (b"a" * 64),
        b'{"looks": [{"candidate": "%s", "margin": {"auc": null}}]}' % (b"a" * 64),
    ],
)
def test_a_damaged_file_is_begun_anew(state, card, caplog, content):
    scores = card(held_out="labels: 1")
    _record(scores, b"a")
    (path,) = _files(state)
    path.write_bytes(content)
    assert _record(scores, b"b").number == 1
    assert "is damaged" in caplog.text
    assert len(json.loads(path.read_bytes())["looks"]) == 1


def test_a_folder_that_cannot_be_written_stops_nothing(state, card, caplog):
    state.parent.write_text("a file where the folder would be")
    assert _record(card(held_out="labels: 1"), b"a") is None
    assert "is not known" in caplog.text


def _count(scores, numbers):
    for number in numbers:
        _record(scores, bytes([number]))


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
    assert _record(scores, b"last").number == 31
    assert not list(state.glob("*.new"))


def test_the_usual_folder_is_that_of_the_user(tmp_path, card, monkeypatch):
    monkeypatch.delenv("TFEDGE_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    _record(card(held_out="labels: 1"), b"a")
    assert os.listdir(tmp_path / "tfedge" / "holdout_uses")


def test_without_any_variable_it_is_in_the_home_folder(tmp_path, card, monkeypatch):
    for name in ("TFEDGE_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _record(card(held_out="labels: 1"), b"a").number == 1
    assert os.listdir(tmp_path / ".local" / "state" / "tfedge" / "holdout_uses")


def test_a_lock_that_is_never_given_back_is_not_waited_for(state, card, caplog, monkeypatch):
    scores = card(held_out="labels: 1")
    _record(scores, b"a")
    monkeypatch.setattr(holdout_uses, "_PATIENCE_SECONDS", 0.1)
    (path,) = state.glob("*.lock")
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _record(scores, b"b") is None
    assert "is not known" in caplog.text


def test_one_bad_sum_makes_the_file_a_damaged_one(state, card, caplog):
    scores = card(held_out="labels: 1")
    _record(scores, b"a")
    (path,) = _files(state)
    found = json.loads(path.read_bytes())
    path.write_text(
        json.dumps({**found, "looks": [*found["looks"], {"candidate": "x", "margin": 0.1}]})
    )
    assert _record(scores, b"b").number == 1
    assert "is damaged" in caplog.text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "The first look at this held-out set"),
        (7, "The 7th look at this held-out set on this computer, with 1 candidate:"),
        (7, "from 5% to as much as 30%. With the error shared out among all 7, this one passes"),
        (22, "The 22nd"),
        (2, "from 5% to as much as 10%"),
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


def test_a_widened_margin_is_named_with_both_in_the_verdict(card):
    use = holdout_uses.Use(2, 2, (holdout_uses.Widened("", 0.005, 0.03),))
    verdict = gate.gate(card(), Limits(margin=0.03), use=use)
    (check,) = [each for each in verdict.checks if each.name == "margin"]
    assert (check.value, check.limit, check.outcome) == (0.03, 0.005, "REPORTED")
    assert "--margin=0.03" in check.reason and "--margin=0.005" in check.reason
    assert "But the margin was 0.005 in an earlier verdict and is 0.03 now." in verdict.sentence


def test_a_widened_margin_of_one_metric_is_named_after_it(card):
    use = holdout_uses.Use(2, 3, (holdout_uses.Widened("iou:box", 0.05, 0.1),))
    checks = {each.name: each for each in gate.gate(card(), use=use).checks}
    check = checks["margin: iou:box"]
    assert check.spoken_name == "margin of IoU of box"
    assert check.reason.startswith("--margin=iou:box=0.1 now") and "=iou:box=0.05." in check.reason
    assert check.note == "the margin of IoU of box was 0.05 in an earlier verdict and is 0.1 now"
    assert "with 3 candidates" in checks["held_out_uses"].reason
