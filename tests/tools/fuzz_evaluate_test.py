"""A hundred damaged files; tools/benchmarks/fuzz_evaluate.py does ten thousand on demand."""

import pathlib
import re
import subprocess
import sys

import numpy as np
from tfedge_tools.benchmarks.fuzzing import damage

ROOT = pathlib.Path(__file__).parents[2]


def test_every_damaged_file_comes_back_with_a_type(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "tools/benchmarks/fuzz_evaluate.py"),
        "--count=102",
    ]
    done = subprocess.run(
        [*command, "--spawned=6", f"--kept={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    counts = dict(re.findall(r"(refused|ran|error|signal|memory|timeout) (\d+)", done.stdout))
    assert sum(map(int, counts.values())) == 102
    assert int(counts["refused"]) > 34 and int(counts["ran"]) > 10
    assert list(tmp_path.iterdir()) == []


def test_damage_is_repeatable_and_keeps_the_mark():
    content = bytes(range(256))
    for way in damage.WAYS:
        first, again = (way(content, np.random.default_rng(3)) for _ in range(2))
        assert first == again != content
    assert damage.flipped(content, np.random.default_rng(0))[:8] == content[:8]
    assert damage.overwritten(content, np.random.default_rng(0))[:8] == content[:8]
    assert len(damage.truncated(content, np.random.default_rng(0))) < 256
