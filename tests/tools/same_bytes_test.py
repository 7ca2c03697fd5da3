"""What two states of the code are compared by; the programs it runs are tested where they are."""

import hashlib
import json
import subprocess
import sys

import pytest
from tfedge_tools.benchmarks import same_bytes, sums_of_files

from tfedge import errors
from tfedge.compress import recipes
from tfedge.export import routes

ALL = same_bytes.cases()
A, B = {"sha256": "a", "bytes": 1}, {"sha256": "b", "bytes": 2}
FAILED = {"error": "exit code 2: no"}


def test_every_named_recipe_and_every_route_is_compared():
    named = set(recipes.RECIPES) - {"embedded"}  # that is the embedded default
    assert len(named) > 7
    assert {f"recipe {name}" for name in named} <= set(ALL)
    assert {f"export {route}" for route in routes.names()} <= set(ALL)


def test_a_subset_is_named_by_a_whole_match_and_the_fast_one_takes_all_exports():
    assert set(same_bytes.chosen(ALL, "recipe int4|export int8", False)) == {
        "recipe int4",
        "export int8",
    }
    fast = same_bytes.chosen(ALL, ".*", True)
    assert [name for name in ALL if name.startswith("export ")] == list(fast)[:-3]
    assert "default release" not in fast
    for wrong in ("recipe none", "("):
        with pytest.raises(errors.BadInput, match="--subset"):
            same_bytes.chosen(ALL, wrong, False)


@pytest.mark.parametrize(
    ("before", "after", "line", "is_same"),
    [
        (A, A, "x  same      1", True),
        (A, B, "x  DIFFERS   1 bytes -> 2 bytes", False),
        (A, FAILED, "x  NOT MADE  1 bytes -> exit code 2: no", False),
        (FAILED, FAILED, "x  NOT MADE  exit code 2: no -> exit code 2: no", False),
    ],
)
def test_a_file_is_the_same_only_if_both_sides_made_it(before, after, line, is_same):
    assert same_bytes.compare({"x": []}, {"x": before}, {"x": after}) == ([line], is_same)
    both = same_bytes.compare({"x": [], "y": []}, {"x": before, "y": B}, {"x": after, "y": B})
    assert both[1] == is_same


def test_the_child_sums_what_each_script_wrote_and_says_why_one_wrote_nothing(tmp_path):
    scripts, work = tmp_path / "tree" / "pipelines", tmp_path / "work"
    scripts.mkdir(parents=True)
    work.mkdir()
    (scripts / "writes.py").write_text(
        "import pathlib, sys\n"
        "folder = pathlib.Path(sys.argv[-1].removeprefix('--output_dir='))\n"
        "folder.mkdir()\n"
        "(folder / 'model.tflite').write_bytes(sys.argv[1].encode())\n"
    )
    (scripts / "refuses.py").write_text("import sys\nprint('no data')\nsys.exit(1)\n")
    cases = {"one": ["writes.py", "1"], "none": ["refuses.py"], "two": ["writes.py", "22"]}
    (work / "cases.json").write_text(json.dumps(cases))
    command = [sys.executable, "-P", sums_of_files.__file__, str(tmp_path / "tree"), str(work)]
    subprocess.run(command, check=True, capture_output=True)
    assert json.loads((work / "sums.json").read_text()) == {
        "one": {"sha256": hashlib.sha256(b"1").hexdigest(), "bytes": 1},
        "none": {"error": "exit code 1: no data"},
        "two": {"sha256": hashlib.sha256(b"22").hexdigest(), "bytes": 2},
    }
