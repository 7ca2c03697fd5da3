import io
import os
import time

import pytest
from absl import logging

from tfedge import progress
from tfedge.progress import board


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def _on(monkeypatch, terminal=None):
    where = board.Board(terminal)
    monkeypatch.setattr(progress, "_NOW", progress._Now(shared=where))
    return where


def _shown(where):
    with where.held():
        return where.shown()


def test_the_innermost_is_shown_and_then_what_it_was_part_of(monkeypatch, clock):
    where = _on(monkeypatch)
    with progress.phase("prune"):
        clock[0] += 5
        with progress.bar("training", 40) as advance:
            clock[0] += 5
            advance(10)
            clock[0] += 5
            advance(10)
            progress.note("loss 0.5")
            assert _shown(where) == board.Shown("training", 1005.0, 20, 40, "loss 0.5")
        assert _shown(where) == board.Shown("prune", 1000.0)
    assert _shown(where) is None


def test_an_error_leaves_nothing_on_the_board(monkeypatch):
    where = _on(monkeypatch)
    with pytest.raises(ValueError), progress.phase("opening"):
        raise ValueError
    assert _shown(where) is None


def test_a_log_says_what_begins_and_what_is_known_at_the_end(monkeypatch, clock):
    said = []
    monkeypatch.setattr(logging, "info", lambda form, *values: said.append(form % values))
    _on(monkeypatch)
    with progress.phase("exporting \x1b[31m"):
        clock[0] += 90
    with progress.bar("training", 2):
        clock[0] += 61
        progress.note("epoch 2 of 2: loss 0.5")
    assert said == [
        "exporting \\x1b[31m",
        "training",
        "training: 1 min 01 s; epoch 2 of 2: loss 0.5",
    ]


def test_a_terminal_keeps_a_line_of_what_took_long(monkeypatch, clock):
    terminal = io.StringIO()
    _on(monkeypatch, terminal)
    with progress.phase("opening"):
        clock[0] += 0.5
    with progress.phase("exporting"):
        clock[0] += 12
    assert terminal.getvalue() == "exporting: 12 s\n"


def test_the_end_of_all_counts_what_is_done_once_more(monkeypatch, clock):
    where = _on(monkeypatch)
    with progress.phase("evaluating what to compare with", times_more=1.5):
        clock[0] += 10
    with progress.whole([1, 3]) as parts:
        parts.begin(0)
        with progress.bar("training", 10) as advance:
            clock[0] += 20
            advance(10)
            assert _shown(where).ends == 1030 + 20 * 3 + 15
    with progress.phase("evaluating"):
        assert _shown(where).ends == 1030 + 15


def test_without_anybody_else_a_thread_shows_it(monkeypatch):
    seen = []
    monkeypatch.setattr(progress, "_NOW", progress._Now())

    def look(self):
        seen.append(self)

    monkeypatch.setattr(progress.painter.Painter, "look", look)
    with progress.phase("exporting"):
        deadline = time.monotonic() + 30
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
    assert seen
    count = len(seen)
    time.sleep(2 * progress.painter.LOOK_SECONDS)
    assert len(seen) == count and progress._NOW.shared is None


def test_a_forked_process_shows_what_it_does_by_itself():
    with progress.phase("here"):
        child = os.fork()
        if not child:
            is_alone = progress._NOW.shared is None
            with progress.phase("there"):
                is_shown = progress._NOW.shared is not None
            os._exit(0 if is_alone and is_shown else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
