"""The comparison and its edges; the emulator itself only where an earlier run has set it up."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from tfedge_tools import cache_folder
from tfedge_tools.benchmarks.arm import comparison, cores, debian, machine

from tfedge import errors
from tfedge.device.file import tflite

ROOT = pathlib.Path(__file__).parents[2]

FILE = ROOT / "tests" / "device" / "files" / "image_int8.tflite"


def arm_check(*arguments, **environment):
    command = [sys.executable, str(ROOT / "tools" / "benchmarks" / "arm_check.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment or None
    )


@pytest.fixture(scope="module")
def file():
    return tflite.read(FILE.read_bytes())


@pytest.fixture(scope="module")
def here(file):
    shape = (5, *file.inputs[0].shape)
    x = np.random.default_rng(0).integers(-128, 128, shape, dtype=np.int8)
    content, inputs = comparison.observed(file), {file.inputs[0].index: x}
    return comparison.run([sys.executable], content, inputs, "this host")


def test_a_host_agrees_with_itself(file, here):
    found = comparison.compare("host", file, here, here)
    assert found.is_integer and found.agrees and found.begins_in == {}
    assert (found.examples, found.identical) == (5, 5)
    assert (found.same_answer, found.largest_difference) == (5, 0.0)


@pytest.mark.parametrize(
    ("moved", "where", "agrees"), [(1, "output", True), (2, "output", False), (1, "input", False)]
)
def test_one_code_is_let_pass_where_it_begins_in_a_softmax(file, here, moved, where, agrees):
    softmax = next(o for o in comparison.rounded_otherwise(file) if o.kind == "SOFTMAX")
    output = str(softmax.result)
    changed = [output] if where == "output" else [str(softmax.given), output]
    there = dict(here)
    for name in changed:
        other = np.array(here[name]).astype(np.int16)
        other.reshape(5, -1)[2, 0] += moved if other.reshape(5, -1)[2, 0] < 100 else -moved
        there[name] = other.astype(np.int8)
    found = comparison.compare("core", file, here, there)
    assert (found.identical, found.largest_codes) == (4, moved)
    assert found.largest_difference == pytest.approx(moved / 256)
    assert found.begins_in == ({"SOFTMAX": 1} if agrees else {})
    assert found.agrees is agrees


def test_float_files_are_judged_by_a_tolerance(here):
    file = tflite.read(FILE.with_name("image_float.tflite").read_bytes())
    assert not comparison.is_integer(file)
    name = str(file.outputs[0].index)
    first = {"ms": np.ones(2), name: np.array([[[0.25, 0.75]], [[0.5, 0.5]]], np.float32)}
    second = {**first, name: first[name] + np.float32(1e-6)}
    found = comparison.compare("core", file, first, second)
    assert found.identical < 2 and found.agrees and found.begins_in == {}
    assert not comparison.compare("core", file, first, {**first, name: first[name] * 2}).agrees


def test_cores_tell_linux_what_they_are(tmp_path):
    core = cores.find("cortex-a76")
    core.write(tmp_path)
    said = (tmp_path / "proc" / "cpuinfo").read_text()
    assert said.count("CPU part\t: 0xd0b") == 2 and "asimddp" in said
    assert (tmp_path / "sys/devices/system/cpu/possible").read_text() == "0-1\n"
    assert "asimddp" not in cores.find("cortex-a53").features
    assert cores.find("cortex-m4") is None


def test_what_is_made_once_is_whole_or_not_there(tmp_path):
    def broken(folder):
        (folder / "half").touch()
        raise errors.BadInput("x", "y", "z")

    path = tmp_path / "cache" / "thing"
    with pytest.raises(errors.BadInput):
        cache_folder.made_once(path, "making", broken)
    assert [each.name for each in path.parent.iterdir()] == ["thing.lock"]
    for expected in ("first", "first"):
        made = cache_folder.made_once(path, "making", lambda f: (f / "first").touch())
        assert [each.name for each in made.iterdir()] == [expected]


def test_without_apt_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.BadInput, match="cannot be set up: no apt-get here"):
        debian.check_host()
    done = arm_check("--examples=1", PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "no apt-get here" in done.stderr


def test_unknown_core_and_missing_flag():
    done = arm_check("--cores=cortex-a77")
    assert done.returncode == 1 and "Did you mean 'cortex-a76'?" in done.stderr
    done = arm_check("--data=digits")
    assert done.returncode == 1 and done.stderr.startswith("--tflite: missing")


@pytest.mark.skipif(not machine.is_set_up(), reason="emulated ARM is not set up")
def test_an_emulated_core_computes_the_same():
    done = arm_check(
        f"--tflite={FILE}", "--data=digits", "--examples=3", "--json", "--cores=cortex-a53"
    )
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)["cores"][0]
    assert (row["core"], row["examples"], row["agrees"]) == ("cortex-a53", 3, True)
