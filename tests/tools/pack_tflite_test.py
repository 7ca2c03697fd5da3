"""The packing tool: both directions, and refusals in one line."""

import pathlib
import subprocess
import sys

from tfedge.export import packing
from tfedge.export.packing import account

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


def test_the_account_adds_up():
    packed = packing.pack(FILE.read_bytes())
    assert sum(account.of(packed).parts.values()) == len(packed)
