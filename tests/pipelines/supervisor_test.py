"""Programs as small as a pipeline can be, ended in every way, each in a process of its own."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import tfedge_pipelines
from tfedge_tools.benchmarks import silence

PROGRAM = """
import ctypes, os, pathlib, signal, sys, tempfile, time
from absl import flags
from tfedge_pipelines import entry
def main():
    tempfile.mkdtemp()
    pathlib.Path("started").write_text(str(os.getpid()))
    {work}
entry.run(main, flags.FlagValues(), "", ["release.py"], in_child=True)
"""
HOLDS_PYTHON = "ctypes.PyDLL(None).sleep(100)"  # C++ that does not let go of the interpreter
SWALLOWS = """
    while True:
        try: time.sleep(100)
        except BaseException: pass"""


@pytest.fixture(autouse=True)
def heeded():
    """What is started heeds Ctrl-C, also where the tests run in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _start(work, folder):
    (folder / "tmp").mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(work=work)],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(work, folder):
    started = _start(work, folder)
    out, err = started.communicate()
    return started.returncode, out, err


def _worker(folder):
    """The process id of the work, once it has begun."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said = (folder / "started").read_text() if (folder / "started").exists() else ""
        if said:
            return int(said)
        time.sleep(0.02)
    raise AssertionError("it did not start")


def _is_gone(process):
    deadline = time.monotonic() + 30
    while pathlib.Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not pathlib.Path(f"/proc/{process}").exists()


@pytest.mark.parametrize("work", [HOLDS_PYTHON, SWALLOWS])
@pytest.mark.parametrize("whom", ["the one that was started", "the one that works"])
def test_ctrl_c_ends_what_python_cannot_interrupt(work, whom, tmp_path):
    started = _start(work, tmp_path)
    worker = _worker(tmp_path)
    os.kill(started.pid if whom == "the one that was started" else worker, signal.SIGINT)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert err == "interrupted: the same command goes on from what is finished\n"
    assert _is_gone(worker)
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        ("KeyboardInterrupt", 130, f"{tfedge_pipelines.WHEN_INTERRUPTED}\n"),
        ("ValueError('odd')", 1, "Traceback (most recent call last):\n"),
    ],
)
def test_ctrl_c_while_python_imports_is_one_line_too(raised, code, said, tmp_path):
    (tmp_path / "imported.py").write_text(f"raise {raised}")
    command = [sys.executable, "-c", "import tfedge_pipelines, imported"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith(said) and (code != 130 or done.stderr == said)


def test_nothing_works_on_when_the_one_that_waits_is_killed(tmp_path):
    started = _start(HOLDS_PYTHON, tmp_path)
    worker = _worker(tmp_path)
    started.kill()
    started.communicate()
    assert _is_gone(worker)


def test_a_command_in_the_background_of_a_script_stays(tmp_path):
    work = "os.kill(os.getppid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)"
    shell = "trap '' INT; exec \"$@\""
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", PROGRAM.format(work=work)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        ("return 3", 3, ""),
        ("print('done')", 0, ""),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 139, "ended by SIGSEGV: the same command"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "killed, as the kernel does where memory"),
    ],
)
def test_its_exit_code_is_that_of_the_work(work, code, said, tmp_path):
    found, out, err = _run(work, tmp_path)
    assert (found, out) == (code, "done\n" if "print" in work else "")
    assert err.startswith(said) and bool(err) == bool(said)
    assert not list((tmp_path / "tmp").iterdir())


def test_the_log_of_an_error_outlives_the_temporary_files(tmp_path):
    code, _, err = _run("raise RuntimeError('no')", tmp_path)
    assert code == 2
    (log,) = (tmp_path / "tmp").iterdir()
    assert str(log) in err and "RuntimeError: no" in log.read_text()


def test_without_a_place_for_temporary_files_it_is_one_line(tmp_path, monkeypatch, capsys):
    import tempfile

    from absl import flags
    from tfedge_pipelines import entry

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(SystemExit) as left:
        entry.run(lambda: 0, flags.FlagValues(), "", ["release.py"], in_child=True)
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith("temporary files: no such file")


def test_a_line_of_the_log_does_not_run_into_the_one_that_moves(tmp_path):
    work = """
    from absl import logging
    from tfedge import progress
    with progress.phase("loading"):
        time.sleep(1)
        logging.info("a line")
        ctypes.PyDLL(None).sleep(1)
        print("done")"""
    program = PROGRAM.format(work=work).replace('"started"', f'"{tmp_path}/started"')
    seen = silence.watch([sys.executable, "-c", program])
    assert seen.code == 0, seen.screen
    lines = [silence.shown(line) for line in seen.screen.decode().split("\n")]
    assert [line.split(": ")[0] for line in lines] == ["a line", "done", "loading", ""]
    assert seen.screen.count(b"\r\x1b[Kloading") > 2
