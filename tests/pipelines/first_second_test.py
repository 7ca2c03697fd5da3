"""A typing error is refused before TensorFlow, which takes seconds, is asked for."""

import os
import pathlib
import subprocess
import sys

import pytest

PIPELINES = pathlib.Path(__file__).parents[2] / "pipelines"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["release.py", "--recipe=prunee"], "Did you mean 'prune'?"),
        (["compress.py", "--export=int9"], "int8"),
        (["train.py", "--data=digit"], "digits"),
        (["search.py", "--passes=prun", "--budget=1m"], "prune"),
    ],
)
def test_a_misspelt_name_is_refused_without_tensorflow(command, said, tmp_path):
    absent = tmp_path / "tensorflow"
    absent.mkdir()
    (absent / "__init__.py").write_text("raise RuntimeError('it was loaded')\n")
    program, *flags = command
    done = subprocess.run(
        [sys.executable, PIPELINES / program, *flags, f"--output_dir={tmp_path / 'out'}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
