"""A search whose trials two processes of a Ray cluster run; one of them is killed in the middle."""

import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import time

import psutil
import pytest
import tfedge_models

ray = pytest.importorskip("ray", reason='pip install "tfedge[ray]"')
PIPELINES = pathlib.Path(__file__).parents[2] / "pipelines"
MODEL = pathlib.Path(next(iter(tfedge_models.__path__))) / "checkpoints" / "digits_cnn_digits.keras"
DATA = ("--model=model.keras", "--data=digits", "--output_dir=out")
SEARCH = ("--passes=prune,quantize", "--epochs_scale=0.17", "--margin=0.03", *DATA)


@pytest.fixture(scope="module")
def address():
    """Of a cluster on this computer with room for two trials of one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("TF_NUM_INTRAOP_THREADS", "1")
        started = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield started.address_info["gcs_address"]
        ray.shutdown()


def _start(folder, program, *flags):
    folder.mkdir(exist_ok=True)
    shutil.copy(MODEL, folder / "model.keras")
    command = [sys.executable, str(PIPELINES / program), *flags]
    with (folder / "log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def _kill_a_worker_that_trains(folder):
    """As soon as a state of a training has been written."""
    stages, end = folder / "out.search" / "cache", time.monotonic() + 300
    while time.monotonic() < end:
        found = [each for each in psutil.process_iter(["cmdline"]) if _tries(each)]
        if found and any(stages.glob("*-*.entry")):
            os.kill(found[0].pid, 9)
            return
        time.sleep(0.02)
    raise AssertionError("no worker was seen at a training")


def _tries(process):
    return any("ray::_try" in text for text in process.info["cmdline"] or ())


def test_a_lost_worker_costs_its_trial_and_nothing_of_the_study(address, tmp_path):
    flags = (*SEARCH, f"--ray={address}", "--budget=3trials")
    searching = _start(tmp_path / "cluster", "search.py", *flags)
    _kill_a_worker_that_trains(tmp_path / "cluster")
    code, said = searching.wait(), (tmp_path / "cluster" / "log").read_text()
    assert code in (0, 3, 4), said
    assert "its worker was lost, it is tried again (2 of 3)" in said
    made = tmp_path / "cluster" / ("out" if code == 0 else "out.rejected")
    listing = json.loads((made / "search.json").read_text())
    assert len(listing["trials"]) == 3 and not any(each["failure"] for each in listing["trials"])

    winner = listing["winner"]
    assert winner["epochs"]
    again = (f"--recipe={winner['recipe']}", f"--export={winner['export']}", *DATA)
    assert _start(tmp_path / "here", "compress.py", *again).wait() == 0
    (tried,) = made.glob("*.tflite")
    assert tried.read_bytes() == (tmp_path / "here" / "out" / "model.tflite").read_bytes()


def test_a_cluster_without_the_processors_of_a_trial_is_refused(address, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert _start(tmp_path, "search.py", *SEARCH, f"--ray={address}").wait() == 1
    said = (tmp_path / "log").read_text()
    assert "a trial computes on 3 processors here, and no computer there has more than 2" in said
    assert "Set TF_NUM_INTRAOP_THREADS=2" in said


def test_an_address_without_a_cluster_is_refused_in_one_line(tmp_path):
    assert _start(tmp_path, "search.py", *SEARCH, "--ray=127.0.0.1:1").wait() == 1
    said = (tmp_path / "log").read_text()
    assert "--ray=127.0.0.1:1: no cluster can be used there" in said.splitlines()[-1]
