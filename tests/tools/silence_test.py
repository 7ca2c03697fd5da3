import pytest
from tfedge_tools.benchmarks import silence

SPINS = r"""
import sys, time
def say(text): sys.stdout.write(text); sys.stdout.flush()
say("\r\x1b[Kloading /")
for _ in range(8): time.sleep(.1); say("\r\x1b[Kloading /")
say("\r\x1b[Kloading -\r\n")
sys.exit(7)
"""


def test_a_line_that_is_drawn_again_is_no_sign():
    seen = silence.watch(["python3", "-c", SPINS])
    assert seen.code == 7
    assert seen.during == "loading /" and 0.8 <= seen.silence < seen.seconds
    assert seen.first < seen.first_line
    assert b"loading -" in seen.screen


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
