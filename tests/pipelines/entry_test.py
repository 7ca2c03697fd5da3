import os
import subprocess
import sys

import pytest
from absl import flags, logging
from tfedge_pipelines import entry


def test_ctrl_c_is_one_line_without_a_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        entry.run(interrupted, flags.FlagValues(), "", ["release.py"])
    assert left.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: ")


@pytest.mark.parametrize(("argument", "said"), [("--verbose", ["usual", "rare"]), ("", ["usual"])])
def test_what_few_need_is_said_with_verbose_alone(argument, said, caplog):
    def main():
        logging.info("usual")
        logging.debug("rare")

    values = flags.FlagValues()
    for _ in range(2):  # a program may be run once more
        with pytest.raises(SystemExit):
            entry.run(main, values, "", ["release.py", *filter(None, [argument])])
        assert caplog.messages == said
        caplog.clear()


def test_help_shows_the_flag_that_all_programs_have(capsys):
    with pytest.raises(SystemExit):
        entry.run(pytest.fail, flags.FlagValues(), "About.", ["release.py", "--help"])
    assert "  --verbose" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--margin=1%", "--margin=1%: expected a number such as 0.01, got '1%'. Write digits"),
        ("--margin=0,2", "--margin=0,2: expected a number such as 0.01, got '0,2'. Write digits"),
        ("--margin=-1", "--margin=-1: expected a non-negative number, got '-1'. See --margin in"),
        (
            "--packed=maybe",
            "--packed=maybe: expected true or false, got 'maybe'. Write --packed or",
        ),
        (
            "--epochs=1.5",
            "--epochs=1.5: expected a whole number such as 8, got '1.5'. Write digits",
        ),
    ],
)
def test_a_value_that_a_flag_cannot_have_is_told_with_one_that_it_can(argument, said, capsys):
    values = flags.FlagValues()
    flags.DEFINE_boolean("packed", False, "", flag_values=values)
    flags.DEFINE_float("margin", 0.01, "", lower_bound=0, flag_values=values)
    flags.DEFINE_integer("epochs", 3, "", flag_values=values)
    with pytest.raises(SystemExit) as left:
        entry.run(pytest.fail, values, "", ["release.py", argument])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(said)


WAYS = {
    "lines": "[entry.tell('x' * 99) for _ in range(9)]",
    "what is written at the end": "sys.stdout.write('x')",
    "more than a pipe holds": "sys.stdout.write('x' * 10**6)",
    "a table": "screen.make().print('x')",
    "lines, then a refusal": "entry.tell('x'); raise errors.BadInput('a', 'b', 'c')",
}


def ended(body, *arguments, in_child=False, **streams):
    """What a program does whose output nobody reads."""
    program = f"""
import tfedge_pipelines
import os, sys
from absl import flags
from tfedge_pipelines import entry, screen
from tfedge import errors

def main():
    {body}

entry.run(main, flags.FlagValues(), "About.", ["x.py", *sys.argv[1:]], in_child={in_child})
"""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", program, *arguments]
    try:
        given = {"stdout": write, "stderr": subprocess.PIPE, **streams}
        return subprocess.run(command, check=False, **given)
    finally:
        os.close(write)


@pytest.mark.parametrize("in_child", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_an_output_that_nobody_reads_any_more_ends_it_quietly(way, in_child):
    found = ended(WAYS[way], in_child=in_child)
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_so_does_help(argument):
    found = ended("pass", argument)
    assert (found.returncode, found.stderr) == (141, b"")


def test_another_pipe_that_breaks_is_an_error_of_ours():
    with open(os.devnull, "w") as nowhere:
        body = "read, write = os.pipe(); os.close(read); os.write(write, b'x')"
        found = ended(body, stdout=nowhere)
    assert found.returncode == 2
    assert found.stderr.startswith(b"BrokenPipeError: [Errno 32] Broken pipe (log: ")


@pytest.mark.parametrize("in_child", [False, True])
def test_a_refusal_that_nobody_reads_keeps_its_code(in_child):
    found = ended(
        "raise errors.BadInput('a', 'b', 'c')", in_child=in_child, stderr=subprocess.STDOUT
    )
    assert found.returncode == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_without_an_output_it_does_the_same(closed, tmp_path):
    program = """
import tfedge_pipelines
from absl import flags
from tfedge_pipelines import entry, screen
from tfedge import errors

def main():
    entry.tell("x")
    screen.make().print("x")
    open("made", "w").write("whole")
    raise errors.BadInput("a", "b", "c")

entry.run(main, flags.FlagValues(), "About.", ["x.py"], in_child=True)
"""
    (tmp_path / "x.py").write_text(program)
    command = f"exec {sys.executable} x.py {closed}"
    found = subprocess.run(command, cwd=tmp_path, shell=True, capture_output=True, check=False)
    assert found.returncode == 1
    assert (tmp_path / "made").read_text() == "whole"
