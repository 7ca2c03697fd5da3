import pytest
from tfedge_tools.benchmarks import silence

# A shell is there at once, also on a busy machine.
SPINS = r"""
printf '\r\033[Kloading /'
for turn in 1 2 3 4 5 6 7 8; do sleep .1; printf '\r\033[Kloading /'; done
printf '\r\033[Kloading -\r\n'
exit 7
"""


def test_a_line_that_is_drawn_again_is_no_sign():
    seen = silence.watch(["sh", "-c", SPINS])
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
