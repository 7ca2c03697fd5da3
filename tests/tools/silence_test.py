import pytest
from tfedge_tools.benchmarks import silence


def test_a_line_that_is_drawn_again_is_no_sign():
    again = b"\r\x1b[Kloading /"
    written = [(0.2, again), (0.9, again), (1.6, again), (2.0, b"\r\x1b[Kloading -\r\n")]
    seen = silence.look(written, 2.5, 7)
    assert (seen.during, seen.silence) == ("loading /", pytest.approx(1.8))
    assert (seen.first, seen.first_line) == (0.2, 2.0)
    assert (seen.seconds, seen.last, seen.code) == (2.5, 0.5, 7)
    assert seen.screen.endswith(b"loading -\r\n")


def test_a_command_that_says_nothing_is_silent_to_its_end():
    seen = silence.look([], 4.0, 0)
    assert (seen.during, seen.silence, seen.first) == ("nothing", 4.0, 4.0)


def test_a_command_is_watched_on_a_terminal():
    program = "import sys; print(sys.stdout.isatty()); sys.exit(7)"
    seen = silence.watch(["python3", "-c", program])
    assert (seen.code, seen.screen) == (7, b"True\r\n")
    assert 0 < seen.first_line <= seen.seconds


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\r\ntwo", "two"),
        ("one\r\n", "one"),
        ("\r\x1b[K12 %\r\x1b[K13 %", "13 %"),
        ("\x1b[1mPASS\x1b[0m\r\n", "PASS"),
        ("12 %\r\x1b[K", ""),
    ],
)
def test_what_stands_on_the_terminal(text, line):
    assert silence.shown(text) == line
