"""The tool on a table that was probed before: what it prints, and what it refuses."""

import json
import pathlib
import subprocess
import sys

import pytest

from tfedge.probing.changes import Change
from tfedge.probing.panel import Difference
from tfedge.probing.rows import Row
from tfedge.probing.table import Table

ROOT = pathlib.Path(__file__).parents[2]


def _run(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "sensitivity.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def written(tmp_path):
    half, most = (Change("prune", "final_sparsity", value) for value in (0.5, 0.9))
    rows = (
        Row("stem", (half,), 500, Difference(0.25, 10.0, 0.2)),
        Row("[dense]", (half,), 400, Difference(0.0, 40.0, 0.004)),
        Row("[dense]", (most,), 900, Difference(0.1, 15.0, 0.05)),
    )
    missing = (
        ("prune(final_sparsity=0.9)", "stem", "it has others"),
        ("slim(reduction=0.5)", "stem", "it is narrow"),
        ("slim(reduction=0.6)", "stem", "it is narrow"),
        ("slim(reduction=0.7)", "*", "no time was left"),
    )
    table = Table("net", 64, 5000, {"stem": 1200, "[dense]": 1100}, rows, missing, 2.5)
    path = tmp_path / "table.json"
    path.write_text(table.as_text())
    return path


def test_a_table_for_each_setting_with_what_is_not_known(written):
    done = _run(f"--table={written}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("net: 5,000 bytes packed as int8; 64 examples of validation, 2 s.")
    assert any(line.strip() == "prune.final_sparsity" for line in lines)
    stem = next(line for line in lines if "stem" in line)
    assert stem.replace("│", " ").split() == ["stem", "1,200", "500", "0.2"]
    dense = next(line for line in lines if "[dense]" in line)
    assert dense.replace("│", " ").split() == ["[dense]", "1,100", "400", "0.004", "900", "0.05"]
    assert [line.strip() for line in lines[-2:]] == [
        "slim of stem: it is narrow",
        "slim(reduction=0.7): no time was left",
    ]
    assert "it has others" not in done.stdout


def test_a_budget_is_a_recipe_and_nothing_else(written):
    done = _run(f"--table={written}", "--target_kb=4.3")
    assert done.stdout == (
        'prune(rules={"\\\\[dense\\\\]": {"final_sparsity": 0.9}, ".*": None}), quantize\n'
    )
    by_harm = _run(f"--table={written}", "--target_harm=0.06")
    assert by_harm.stdout == done.stdout
    assert "about 4,100 packed bytes, 0.05 of harm before training" in by_harm.stderr
    assert "may not mend" not in by_harm.stderr
    refused = _run(f"--table={written}", "--target_kb=3.5")
    assert refused.returncode == 1
    assert "1,500 bytes have to go, what was probed of prune, cluster saves 1,400" in refused.stderr


def test_so_much_harm_that_it_does_not_add_up_is_told(written, tmp_path):
    table = json.loads(written.read_text())
    for row in table["rows"]:
        row["difference"]["kl"] = 0.2
    path = tmp_path / "harmful.json"
    path.write_text(json.dumps(table))
    assert "training may not mend it" in _run(f"--table={path}", "--target_kb=3.7").stderr


def test_json_and_a_page(written, tmp_path):
    done = _run(f"--table={written}", "--json", f"--plot={tmp_path / 'page.html'}")
    assert json.loads(done.stdout) == json.loads(written.read_text())
    assert "prune.final_sparsity" in (tmp_path / "page.html").read_text()


def test_without_a_model_it_says_what_to_give():
    done = _run("--data=digits")
    assert done.returncode == 1
    assert "--model: missing. Give both --model and --data, or --table." in done.stderr
