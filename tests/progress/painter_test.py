import io
import time

import pytest
from absl import logging

from tfedge.progress import board, painter

PHASE = board.Shown("exporting", started=100.0)
BAR = board.Shown("prune: training", 100.0, done=30, total=120, note="epoch 1 of 4: loss 0.5")


def test_a_phase_shows_the_time_and_turns():
    first, second = (painter.drawn(PHASE, now, 80) for now in (101.0, 101.2))
    assert first.endswith(" 1 s so far") and first != second
    assert {first[:11], second[:11]} <= {f"exporting {mark}" for mark in "|/-\\"}


def test_a_bar_shows_its_share_and_what_is_left_of_it_and_of_all():
    line = painter.drawn(BAR, 110.0, 200)
    assert line == (
        "prune: training [####------------]  25% 10 s so far, 30 s left; epoch 1 of 4: loss 0.5"
    )
    whole = board.Shown("prune: training", 100.0, done=30, total=120, ends=235.0)
    assert painter.drawn(whole, 110.0, 200).endswith(
        "10 s so far, 30 s left, about 2 min 05 s to the end"
    )
    last = board.Shown("prune: training", 100.0, done=30, total=120, ends=114.0)
    assert painter.drawn(last, 110.0, 200).endswith("10 s so far, 4 s left, about 4 s to the end")


def test_a_narrow_terminal_gets_one_line_that_begins_with_what_is_done():
    assert painter.drawn(BAR, 110.0, 60) == (
        "prune: training 25% 10 s so far, 30 s left; epoch 1 of 4: lo"
    )


def test_what_is_done_has_nothing_left_and_what_is_overdue_no_end():
    done = board.Shown("training", 100.0, done=9, total=8, ends=105.0)
    assert painter.said(done, 110.0) == "training: 100%; 10 s so far"
    assert painter.said(PHASE, 110.0) == "exporting: 10 s so far"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations(seconds, words):
    assert painter.duration(seconds) == words


def test_a_log_gets_a_line_each_ten_seconds_of_the_same_thing(monkeypatch):
    said, now = [], [100.0]
    monkeypatch.setattr(logging, "info", lambda form, text: said.append((now[0], text)))
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    where = board.Board(None)
    looks = painter.Painter(where)
    for tenth in range(1000, 1300):
        now[0] = tenth / 10
        if tenth in (1000, 1250):  # the second begins before the first has a third line
            where.put(board.Shown(f"at {tenth}", now[0]))
        if tenth == 1280:  # and when the first goes on, it is not said at once
            where.put(board.Shown("at 1000", 100.0))
        looks.look()
    assert said == [(110.0, "at 1000: 10 s so far"), (120.0, "at 1000: 20 s so far")]


def test_a_terminal_is_drawn_at_each_look_while_something_is_shown():
    terminal = io.StringIO()
    where = board.Board(terminal)
    looks = painter.Painter(where)
    looks.look()
    assert terminal.getvalue() == ""
    where.put(board.Shown("exporting", time.monotonic()))
    looks.look()
    looks.look()
    where.put(None)
    assert terminal.getvalue().count("\r\x1b[Kexporting ") == 2
    assert terminal.getvalue().endswith("\r\x1b[K")
