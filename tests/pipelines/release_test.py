"""release.py as a user runs it: from another folder, killed, twice at once, with bad flags."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

REPOSITORY = pathlib.Path(__file__).parents[2]
SCRIPT = REPOSITORY / "pipelines" / "release.py"
MODEL = REPOSITORY / "models" / "checkpoints" / "digits_cnn_digits.keras"
RECIPE = "prune(final_sparsity=0.3, distribution='lamp', epochs=1), quantize(epochs=1)"


def _start(folder, *more):
    command = [sys.executable, str(SCRIPT), f"--model={MODEL}", "--data=digits"]
    command += [f"--recipe={RECIPE}", "--margin=0.05", f"--output_dir={folder}", *more]
    return subprocess.Popen(
        command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _run(*flags, cwd):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *flags], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_a_killed_run_goes_on_and_says_what_it_reused(tmp_path):
    folder = tmp_path / "out"
    killed = _start(folder)
    work = tmp_path / "out.work"
    deadline = time.monotonic() + 120
    while not list(work.glob("?" * 16 + ".entry")) and time.monotonic() < deadline:
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not folder.exists()
    second = _start(folder)
    out, err = second.communicate()
    assert second.returncode == 0, err
    assert f"epochs=1): taken over from {work}" in err
    assert json.loads((folder / "verdict.json").read_text())["outcome"] == "PASS"
    assert "PASS" in out and not work.exists()


def test_the_second_run_on_a_folder_is_told_who_holds_it(tmp_path):
    from tfedge.release.publishing import bundle

    with bundle.lock(tmp_path / "out"):
        second = _start(tmp_path / "out")
        _, err = second.communicate()
    assert second.returncode == 1
    assert str(os.getpid()) in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--modle=x"], "Did you mean 'model'"),
        (["--model=x.keras"], "--data"),
        (["--model=x.keras", "--data=digits"], "--output_dir"),
        (["--epochs_scale=-1"], "epochs_scale"),
        (["--group_margin=2"], "--group_margin: expected a share"),
        (["stray"], "stray"),
    ],
)
def test_bad_flags_are_one_line_and_exit_1(flags, named, tmp_path):
    done = _run(*flags, cwd=tmp_path)
    assert done.returncode == 1
    assert named in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_help_names_every_flag_and_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, runpy; sys.argv = ['release.py', '--help']\n"
        f"try: runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'tensorflow', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--recipe" in done.stdout and "--margin" in done.stdout
