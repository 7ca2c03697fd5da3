"""The copying tool: a whole release, or one line."""

import pathlib
import subprocess
import sys

from tfedge.release.publishing import bundle

ROOT = pathlib.Path(__file__).parents[2]


def _run(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "copy_release.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_release_is_copied_byte_for_byte(tmp_path):
    bundle.publish(tmp_path / "out", {"model.tflite": b"model"}, {"told": 1})
    done = _run(tmp_path / "out", tmp_path / "app")
    assert done.returncode == 0, done.stderr
    for name in ("model.tflite", "manifest.json"):
        assert (tmp_path / "app" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_what_is_no_release_is_refused_in_one_line(tmp_path):
    done = _run(f"--release={tmp_path}", f"--output_dir={tmp_path / 'app'}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "has no readable manifest.json" in done.stderr
    assert _run(f"--release={tmp_path}").stderr.startswith("--output_dir: missing")
