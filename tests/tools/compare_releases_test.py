import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tfedge.device import correct_bits

ROOT = pathlib.Path(__file__).parents[2]
FILES = ROOT / "tests" / "device" / "files"


def compare(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "compare_releases.py"), *map(str, arguments)]
    wide = {**os.environ, "COLUMNS": "140"}
    return subprocess.run(command, env=wide, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    """folder(name, right, model) -> a release folder of 1,000 examples, written by hand."""

    def make(name, right, model, energy=0.02):
        path = tmp_path / name
        path.mkdir()
        packed = correct_bits.pack(np.arange(1000) < right)
        scorecard = {
            "schema_version": 1,
            "profile": "mid_range_phone",
            "file_bytes": 1000 + right,
            "download_bytes": 500,
            "energy_mj_estimate": {"value": energy, "low": energy / 2, "high": 2 * energy},
            "metric": {"name": "accuracy", "value": right / 1000, "n": 1000},
            "held_out": {"fingerprint": "labels: 1", "examples": 1000, "right": packed},
            "per_class": [{"label": "[b]bag", "n": 1000, "value": right / 1000}],
        }
        recipe = {"recipe": f"prune({right})", "passes": []}
        (path / "scorecard.json").write_text(json.dumps(scorecard))
        (path / "recipe.json").write_text(json.dumps(recipe))
        (path / "model.tflite").write_bytes((FILES / f"{model}.tflite").read_bytes())
        return path

    return make


def test_tables_and_json(folder):
    a, b = folder("a", 900, "image_float"), folder("b", 890, "image_int8", 0.0038)
    done = compare(a, b)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    for expected in (
        "accuracy: 90.00% -> 89.00%, -1.00 points (",
        "only A has 10 right, only B 0",
        "file 1,900 bytes 1,890 bytes -0.5%",
        "energy of a run, estimate 20 µJ (10 to 40) 3.8 µJ (1.9 to 7.6) -81.0%",
        "[b]bag 1,000 90.0% 89.0% -1.0",
        "conv 4x3x3x1 32 -> 8",
        "recipe prune(900) prune(890)",
        "there is no manifest.json",
    ):
        assert expected in words, expected
    found = json.loads(compare(f"--a={a}", f"--b={b}", "--json").stdout)
    assert found["metric"]["low"] < -0.01 < found["metric"]["high"] < 0
    assert {row["layer"] for row in found["layers"]} >= {"conv", "depthwise"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "A: missing"),
        (("here",), "B: missing"),
        (("here", "nowhere"), "nowhere: no such file"),
        (("here", "empty"), "empty/scorecard.json: no such file"),
        (("here", "here", "here"), "only flags are expected"),
        (("here", "here", "--jsn"), "Did you mean 'json'"),
    ],
)
def test_bad_input_is_one_line(folder, tmp_path, arguments, named):
    folder("here", 900, "image_int8")
    (tmp_path / "empty").mkdir()
    places = [word if word.startswith("-") else tmp_path / word for word in arguments]
    done = compare(*places)
    assert done.returncode == 1 and named in done.stderr
    assert done.stderr.count("\n") == 1 and not done.stdout
    assert "not JSON" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("scorecard.json", "{", "not JSON"),
        ("scorecard.json", "{}", "no scorecard"),
        ("verdict.json", '{"checks": [1]}', "its checks are not as tfedge writes them"),
        ("recipe.json", '{"passes": null}', "its passes are not as tfedge writes them"),
        ("model.tflite", "hello", "not a .tflite"),
    ],
)
def test_damaged_files_are_named(folder, name, content, named):
    path = folder("here", 900, "image_int8")
    (path / name).write_text(content)
    done = compare(path, path)
    assert done.returncode == 1 and name in done.stderr and named in done.stderr
    assert done.stderr.count("\n") == 1
