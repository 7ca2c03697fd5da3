"""One search of the embedded digits, from the command line to the release."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

from tfedge.release.publishing import bundle

SEARCH = pathlib.Path(__file__).parents[2] / "pipelines" / "search.py"


def _run(*flags, folder):
    command = [sys.executable, str(SEARCH), f"--output_dir={folder}", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "out"
    flags = ("--passes=prune,quantize", "--epochs_scale=0.25")
    return folder, _run(*flags, "--budget=3trials", folder=folder), flags


def test_it_releases_the_smallest_that_would_pass(searched):
    folder, done, _ = searched
    assert done.returncode == 0, done.stderr
    assert bundle.verify(folder)
    listing = json.loads((folder / "search.json").read_text())
    passing = [
        each["figures"]["download"]
        for each in listing["trials"]
        if not each["failure"] and not each["obstacles"]
    ]
    assert listing["winner"]["figures"]["download"] == min(passing)
    assert len(listing["trials"]) == 3
    assert "best so far" in done.stderr and "what no other recipe beats" in done.stdout


def test_the_released_file_is_the_one_that_was_tried(searched):
    folder, *_ = searched
    winner = json.loads((folder / "search.json").read_text())["winner"]
    assert (folder / "model.tflite.packed").stat().st_size == winner["figures"]["download"]
    assert (folder / "model.tflite").stat().st_size == winner["figures"]["file"]


def test_a_larger_budget_goes_on_from_what_was_tried(searched):
    folder, _, flags = searched
    done = _run(*flags, "--budget=4trials", folder=folder)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^trial (\d+)", done.stderr, re.MULTILINE) == ["4"]


def test_another_search_with_the_same_cache_trains_nothing(searched, tmp_path):
    folder, _, flags = searched
    stages = folder.with_name("out.search") / "cache"
    given = (*flags, "--budget=3trials", f"--cache_dir={stages}", "--verbose")
    done = _run(*given, folder=tmp_path / "other")
    assert done.returncode == 0, done.stderr
    assert "training:" not in done.stderr
    files = [path / "model.tflite" for path in (folder, tmp_path / "other")]
    listings = [json.loads((path.parent / "search.json").read_text()) for path in files]
    first, second = (
        [(each["recipe"], each["figures"], each["slack"]) for each in listing["trials"][:3]]
        for listing in listings
    )
    assert first == second


def test_limits_that_nothing_keeps_are_named_with_the_nearest_miss(tmp_path):
    done = _run("--passes=quantize", "--budget=1trial", "--max_file_kb=1", folder=tmp_path / "out")
    assert done.returncode == 1
    assert "not kept: file size" in done.stderr.replace("metric, ", "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--budget=1week", "Write 1h, 30min, 90s or 40trials."),
        ("--objective=size", "--objective=size: there is no such objective"),
        ("--passes=prun", "Did you mean 'prune'?"),
        ("--recipe=low_rank", "--passes=distill,slim,prune,cluster,quantize,low_rank"),
        ("--storage=sqlite:////no/such/folder/study.db", "unable to open database file"),
    ],
)
def test_texts_are_refused_before_anything_is_read(tmp_path, flag, said):
    done = _run(flag, folder=tmp_path / "out")
    assert done.returncode == 1 and said in done.stderr
    assert "reading" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
