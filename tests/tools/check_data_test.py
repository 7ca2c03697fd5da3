"""The data check: what was planted is printed, and refusals take one line."""

import json
import pathlib
import subprocess
import sys

import numpy as np

from tfedge.data.sources import load_task

ROOT = pathlib.Path(__file__).parents[2]


def _run(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "check_data.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _npz(path, **changed):
    made = load_task("digits")
    arrays = {"x_train": made.train.x * 15, "y_train": made.train.y}
    arrays |= {"x_val": made.validation.x * 15, "y_val": made.validation.y}
    arrays |= {"x_test": made.holdout.x * 15, "y_test": made.holdout.y}
    np.savez(path, **(arrays | {name: change(arrays[name]) for name, change in changed.items()}))
    return f"npz:{path}?scale=1/255&offset=0"


def test_digits_in_a_table():
    done = _run("--data=digits")
    assert done.returncode == 0, done.stderr
    assert "holdout 600" in done.stdout
    assert "nothing that a release would warn about" in done.stdout
    assert "Near duplicates of training images: none found" in done.stdout
    assert "Train against held-out: no more than chance" in done.stdout


def test_what_was_not_looked_for_is_not_said_to_be_absent(tmp_path):
    x, y = np.random.default_rng(0).random((90, 12)), np.arange(90) % 2
    np.savez(tmp_path / "a.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:], y_test=y[60:])
    said = _run(f"--data=npz:{tmp_path / 'a.npz'}").stdout
    assert "Near duplicates of training images: not looked for: the inputs are no images" in said
    assert "nearly saw" not in said


def test_planted_problems_are_named(tmp_path):
    made = load_task("digits")
    copy = made.train.x[100, :, ::-1] * 13

    def plant(x):
        x = x // 2
        x[5] = copy
        return x

    def relabel(y):
        y = y.copy()
        y[7] = (y[7] + 5) % 10
        return y

    found = json.loads(_run(f"--data={_npz(tmp_path / 'a.npz', x_test=plant)}", "--json").stdout)
    near = [(row["holdout"], row["undone"]) for row in found["near_duplicates"]]
    assert (5, "mirrored") in near
    assert found["drift"][0]["matters"]
    noisy = json.loads(_run(f"--data={_npz(tmp_path / 'b.npz', y_test=relabel)}", "--json").stdout)
    assert 7 in [r["example"] for r in noisy["label_candidates"] if r["split"] == "holdout"]


def test_no_data_is_refused_in_one_line():
    done = _run()
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "--data: missing" in done.stderr


def test_the_split_is_written_and_what_was_trained_on_is_compared_with_it(tmp_path):
    split = tmp_path / "split.tsv"
    done = _run("--data=digits", f"--write_split={split}")
    assert done.returncode == 0 and "not known: see --trained_on" in done.stdout
    roles = [line.split("\t")[0] for line in split.read_text().splitlines()]
    assert [roles.count(role) for role in ("train", "validation", "holdout")] == [997, 200, 600]
    done = _run("--data=digits", f"--trained_on={split}")
    assert "(1,197 lines) do not overlap the held-out set" in " ".join(done.stdout.split())
    split.write_text("\n".join(map(str, range(1797))))
    done = _run("--data=digits", f"--trained_on={split}")
    assert done.returncode == 1
    assert "600 of 600 held-out examples" in done.stderr.splitlines()[-1]
