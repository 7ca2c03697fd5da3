"""Some inputs of each kind; tools/benchmarks/fuzz_inputs.py does ten thousand on demand."""

import contextlib
import io
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from tfedge_tools.benchmarks.fuzzing import structure, trial

from tfedge import errors
from tfedge.compress.loading import hdf5_trial
from tfedge.device import sandbox

ROOT = pathlib.Path(__file__).parents[2]


def test_every_input_is_read_or_refused(tmp_path):
    command = [sys.executable, str(ROOT / "tools/benchmarks/fuzz_inputs.py"), "--count=60"]
    kinds = "--kinds=profile,npz,images,tflite,packed,release"
    done = subprocess.run(
        [*command, kinds, f"--output_dir={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"│ (\w+) +│ 10 +│ (\d+) +│ (\d+) +│ 0 ", done.stdout)
    assert len(rows) == 6 and all(int(read) + int(refused) == 10 for _, read, refused in rows)
    assert list(tmp_path.iterdir()) == []


def _outcome(read, tmp_path):
    return trial.run(read, tmp_path).word


def _busy():
    until = time.process_time() + 0.6
    while time.process_time() < until:
        pass


def _nothing(place):
    pass


def _touch(place):
    with contextlib.suppress(OSError):
        open("/nowhere/" + trial.CANARY, "w")


def _act(place):
    os.system("true")


def _eat(place):
    np.ones(40 << 20, np.uint8).sum()


def _in_sandbox(function, folder):
    return lambda: sandbox.run(f"{__name__}:{function}", folder, sandbox.Limits(2**30))


def test_the_sandboxs_child_is_watched(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "MOST_BYTES", 20 << 20)
    for number, (function, word) in enumerate(
        [("_nothing", "read"), ("_act", "ACTED"), ("_touch", "ACTED"), ("_eat", "MEMORY")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert _outcome(_in_sandbox(function, folder), folder) == word, function


@pytest.mark.parametrize(
    "act",
    [
        lambda: os.system("true"),
        os.fork,
        lambda: subprocess.run(["true"], check=False),
        lambda: subprocess.run([*hdf5_trial.COMMAND[:2], "other.py"], check=False),
        lambda: pickle.loads(pickle.dumps(pathlib.Path("."))),
        lambda: open(trial.CANARY, "w").close(),
    ],
)
def test_acts_are_seen(act, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one of them leaves a file
    assert _outcome(act, tmp_path) == "ACTED"


def test_what_must_not_be_is_seen(tmp_path, monkeypatch):
    def refuse():
        raise errors.BadInput("a file", "no", "Another.")

    def in_two_lines():
        error = errors.BadInput("a file", "no", "Another.")
        error.args = ("a file:\nno",)
        raise error

    def hungry():
        np.ones(40 << 20, np.uint8).sum()

    monkeypatch.setattr(trial, "MOST_BYTES", 20 << 20)
    monkeypatch.setattr(trial, "MOST_SECONDS", 0.5)
    assert _outcome(lambda: None, tmp_path) == "read"
    assert _outcome(refuse, tmp_path) == "refused"
    assert _outcome(in_two_lines, tmp_path) == "UNTYPED"
    assert _outcome(lambda: 1 / 0, tmp_path) == "UNTYPED"
    assert _outcome(lambda: sys.exit(0), tmp_path) == "UNTYPED"
    assert _outcome(lambda: os.kill(os.getpid(), 9), tmp_path) == "SIGNAL"
    assert _outcome(hungry, tmp_path) == "MEMORY"
    assert _outcome(lambda: time.sleep(0.7), tmp_path) == "read"  # a busy machine takes as long
    assert _outcome(lambda: time.sleep(20), tmp_path) == "TIME"
    assert _outcome(_busy, tmp_path) == "TIME"


def test_changes_of_structure_are_repeatable_and_well_formed():
    content = json.dumps({"a": {"b": [1, 2]}, "c": "text"}).encode()
    change = structure.json_value("py:payload.py:run")
    found = set()
    for seed in range(200):
        first, again = (change(content, np.random.default_rng(seed)) for _ in range(2))
        assert first == again
        found.add(first)
    assert len(found) > 60 and any(b"py:payload.py:run" in each for each in found)
    assert any(each.count(b"[") > 100 for each in found)


@pytest.mark.parametrize(("suffix", "changed"), [("b.txt", {"b.txt"}), ("", {"a.txt", "b.txt"})])
def test_one_member_of_an_archive_is_changed(suffix, changed):
    members = {"a.txt": b"a" * 100, "b.txt": b"b" * 100, "short.txt": b"c"}
    change = structure.zipped(lambda member, random: member.upper(), suffix)
    seen = set()
    for seed in range(20):
        found = change(structure.zip_of(members), np.random.default_rng(seed))
        with zipfile.ZipFile(io.BytesIO(found)) as archive:
            different = [name for name in members if archive.read(name) != members[name]]
        assert len(different) == 1
        seen |= set(different)
    assert seen == changed
