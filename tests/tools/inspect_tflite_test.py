import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FILES = ROOT / "tests" / "device" / "files"


def inspect(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "inspect_tflite.py"), *map(str, arguments)]
    wide = {**os.environ, "COLUMNS": "120"}
    return subprocess.run(command, env=wide, capture_output=True, text=True, check=False)


def test_json():
    done = inspect(FILES / "image_int8.tflite", "--json", "--all")
    described = json.loads(done.stdout)
    assert described["weight_bytes"] + described["overhead_bytes"] == described["file_bytes"]
    assert sum(described["bytes_by_kind"].values()) == described["file_bytes"]
    conv = described["kernels"][0]
    assert (conv["name"], conv["operator"], conv["shape"]) == ("conv", "CONV_2D", [4, 3, 3, 1])
    assert (conv["bits"], conv["bytes"], conv["channel_axis"]) == (8, 36, 0)
    assert (conv["distinct"], conv["distinct_per_channel"]) == (12, 7)
    assert described["operators"]["SOFTMAX"] == 1
    assert list(described["inputs"]) == ["image"]
    assert len(described["tensors"]) == 13


def test_tables():
    done = inspect(FILES / "image_int8.tflite")
    assert done.returncode == 0, done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if "DEPTHWISE" in line)
    assert row[:5] == ["depthwise", "DEPTHWISE_CONV_2D", "1x3x3x4", "INT8", "8"]
    for words in ("kernels", "zero points", "operators", "inputs and outputs"):
        assert words in done.stdout
    assert "arith.constant" not in done.stdout


def test_names_from_a_file_are_no_markup(tmp_path):
    spoilt = tmp_path / "spoilt.tflite"
    content = (FILES / "image_int8.tflite").read_bytes()
    spoilt.write_bytes(content.replace(b"depthwise\0", b"[/b]pwise\0"))
    done = inspect(spoilt)
    assert done.returncode == 0, done.stderr
    assert "[/b]pwise" in done.stdout


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"hello", "not a .tflite"),
        (None, "No such file"),
        (b"\x1c\0\0\0TFL3" + bytes(9), "damaged"),
    ],
)
def test_bad_files_are_one_line(tmp_path, content, expected):
    path = tmp_path / "x.tflite"
    if content is not None:
        path.write_bytes(content)
    done = inspect(path)
    assert done.returncode == 1
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
