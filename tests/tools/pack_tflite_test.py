"""The packing tool: both directions, and refusals in one line."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from tfedge_tools import pack_tflite

from tfedge import errors, packing
from tfedge.device.file import tflite
from tfedge.packing import account
from tfedge.release.publishing import bundle

ROOT = pathlib.Path(__file__).parents[2]
FILE = ROOT / "tests" / "device" / "files" / "image_int8.tflite"


def _run(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "pack_tflite.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pack_and_unpack_give_the_file_back(tmp_path):
    packed = tmp_path / "model.tflite.packed"
    done = _run("pack", FILE, f"--output={packed}")
    assert done.returncode == 0, done.stderr
    assert "deflated" in done.stdout
    assert _run("unpack", packed).returncode == 0
    assert (tmp_path / "model.tflite").read_bytes() == FILE.read_bytes()


def test_a_foreign_file_is_refused_in_one_line():
    done = _run("unpack", FILE, "--check_only", "--output=x")
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "no file that tfedge packed" in done.stderr


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """tool(*arguments) runs it here, in an empty folder; a refusal is raised."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*arguments):
        named = zip(("--action", "--file"), arguments, strict=False)
        own = pack_tflite._FLAGS
        own.unparse_flags()
        own(["program", *(f"{flag}={value}" for flag, value in named), *arguments[2:]])
        return pack_tflite.main()

    yield run
    for name in ("output", "overwrite"):
        pack_tflite._FLAGS[name].unparse()


def test_a_release_stays_as_its_manifest_says(tool, tmp_path, capsys):
    folder = bundle.publish(tmp_path / "out", {"model.tflite": FILE.read_bytes()})
    assert tool("pack", folder / "model.tflite") == 0
    written = tmp_path / "here" / "model.tflite.packed"
    packed = written.read_bytes()
    assert f"{len(packed):,} bytes in {written}\n" in capsys.readouterr().out
    assert packing.unpack(packed) == FILE.read_bytes()
    assert tool("pack", folder, "--overwrite") == 0
    with pytest.raises(errors.BadInput, match="whose manifest would be false"):
        tool("pack", folder, f"--output={folder}/model.tflite.packed")
    assert bundle.verify(folder)


def test_nothing_is_replaced_unasked(tool):
    target = pathlib.Path("model.tflite")
    target.write_bytes(b"mine")
    pathlib.Path("model.tflite.packed").write_bytes(packing.pack(FILE.read_bytes()))
    for arguments in (("unpack", "model.tflite.packed"), ("pack", FILE, f"--output={target}")):
        with pytest.raises(errors.BadInput, match=r"it is there already\. Add --overwrite"):
            tool(*arguments)
    assert target.read_bytes() == b"mine"
    assert tool("unpack", "model.tflite.packed", "--overwrite") == 0
    assert target.read_bytes() == FILE.read_bytes()


def test_the_account_adds_up():
    packed = packing.pack(FILE.read_bytes())
    found = account.of(packed)
    assert sum(found.parts.values()) == len(packed)
    assert found.parts["header and SHA-256"] < 45 and min(found.parts.values()) >= 0
    largest = max(each.tensor.values().size for each in tflite.read(FILE.read_bytes()).kernels())
    assert found.value_bytes == largest == 256  # what is shorter stays in the structure
    assert 100 < found.entropy_bytes < 256


def test_the_entropy_is_that_of_single_bytes():
    assert account._entropy_bytes(bytes([7] * 100)) == 0
    assert account._entropy_bytes(bytes([0, 1, 0, 1] * 4)) == 2  # one bit each
    assert account._entropy_bytes(bytes([5] * 8 + [9] * 4 + [200] * 4)) == 3  # 1, 2 and 2 bits


def test_a_kernel_of_four_values_takes_two_bits_a_weight():
    codes = np.random.default_rng(0).choice([-90, -3, 0, 64], (64, 64))
    assert 1024 < account.of_kernel(codes) < 1060
    assert account.of_kernel(np.zeros((64, 64))) < 20
