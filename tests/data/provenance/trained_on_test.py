import hashlib
import pathlib

import numpy as np
import pytest
from PIL import Image

from tfedge import errors
from tfedge.data import sources
from tfedge.data.provenance import trained_on


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("cat", "a dog"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 255, (4, 4, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path / "data"


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 2
    np.savez(tmp_path / "t.npz", x_train=x[:50], y_train=y[:50], x_test=x[50:], y_test=y[50:])
    return tmp_path / "t.npz"


def _written(task, path):
    trained_on.write_split(task, path)
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    return {
        role: {name: digest for own, name, digest in rows if own == role}
        for role in ("train", "validation", "holdout", "calibration")
    }


def _check(task, tmp_path, *lines):
    path = tmp_path / "seen.txt"
    path.write_text("\n".join(map(str, lines)))
    return trained_on.check(task, path)


def test_a_written_split_names_each_file_once_with_its_hash(pictures, tmp_path):
    task = sources.load_task(f"images:{pictures}")
    rows = _written(task, tmp_path / "split.tsv")
    assert [len(rows[role]) for role in ("train", "validation", "holdout", "calibration")] == [
        *(len(split) for split in (task.train, task.validation, task.holdout)),
        0,
    ]
    names = {name for part in rows.values() for name in part}
    assert names == {path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png")}
    name, digest = next(iter(rows["holdout"].items()))
    assert digest == hashlib.sha256((pictures / name).read_bytes()).hexdigest()


def test_who_trains_on_the_train_part_has_an_untouched_holdout(pictures, tmp_path):
    task = sources.load_task(f"images:{pictures}")
    assert "not known: see --trained_on" in trained_on.words(task)
    rows = _written(task, tmp_path / "split.tsv")
    lines = len(rows["train"]) + len(rows["validation"])
    said = f"the stated training data ({lines} lines) do not overlap the held-out set"
    assert trained_on.words(trained_on.check(task, tmp_path / "split.tsv")) == said
    text = (tmp_path / "split.tsv").read_text().replace("holdout\t", "validation\t")
    (tmp_path / "split.tsv").write_text(text)
    with pytest.raises(errors.BadInput, match=f"{len(rows['holdout'])} of {len(rows['holdout'])}"):
        trained_on.check(task, tmp_path / "split.tsv")


def test_held_out_files_are_found_by_path_copy_and_hash(pictures, tmp_path):
    task = sources.load_task(f"images:{pictures}")
    held_out = _written(task, tmp_path / "split.tsv")["holdout"]
    (name, digest), (other, other_digest) = list(held_out.items())[:2]
    (tmp_path / "elsewhere.png").write_bytes((pictures / other).read_bytes())
    for line, index in (
        (name, 0),
        (pictures / name, 0),
        (digest.upper(), 0),
        (f"{digest}  {name}", 0),
        ("elsewhere.png", 1),
        (f"train\tgone.png\t{other_digest}", 1),
    ):
        shown = list(held_out)[index]
        with pytest.raises(errors.BadInput, match=rf"1 of {len(held_out)} .* {shown} \(line 2\)"):
            _check(task, tmp_path, "nowhere.png", line)


def test_lines_that_are_no_example_are_counted(pictures, tmp_path, caplog):
    task = sources.load_task(f"images:{pictures}")
    train = next(iter(_written(task, tmp_path / "split.tsv")["train"]))
    made = _check(task, tmp_path, train, "", "cat/none.png", "7", "n" * 5000)
    assert "(4 lines) do not overlap the held-out set; 3 of the lines" in trained_on.words(made)
    assert "3 of 4 lines are no example" in caplog.text and "line 3, cat/none.png" in caplog.text
    with pytest.raises(errors.BadInput, match="none of its 1 lines is an example"):
        _check(task, tmp_path, "cat/none.png")
    with pytest.raises(errors.BadInput, match="states no example"):
        _check(task, tmp_path, f"holdout\tcat/1.png\t{'0' * 64}")
    with pytest.raises(errors.BadInput, match="no such file"):
        trained_on.check(task, pathlib.Path(tmp_path, "no such list"))


def test_rows_are_named_by_array_and_number(table, tmp_path):
    task = sources.load_task(f"npz:{table}")
    assert trained_on.words(task) == ""  # who made the file held its x_test out
    rows = _written(task, tmp_path / "split.tsv")
    assert set(rows["train"]) | set(rows["validation"]) == {f"x_train:{n}" for n in range(50)}
    assert len(rows["train"]) + len(rows["validation"]) == 50 and not rows["calibration"]
    x = np.load(table)["x_test"]
    assert rows["holdout"]["x_test:3"] == hashlib.sha256(x[3].tobytes()).hexdigest()
    assert trained_on.words(_check(task, tmp_path, *(f"x_train:{n}" for n in range(50))))
    for line in (3, "x_test:3", hashlib.sha256(x[3].tobytes()).hexdigest()):
        with pytest.raises(errors.BadInput, match=r"1 of 10 .* x_test:3 \(line 2\) \(a number al"):
            _check(task, tmp_path, "x_train:0", line)
    with pytest.raises(errors.BadInput, match="none of its 2 lines"):
        _check(task, tmp_path, 10, "x_train:50")


def test_rows_of_data_in_one_array_are_plain_numbers(tmp_path):
    task = sources.load_task("digits")
    rows = _written(task, tmp_path / "split.tsv")
    parts = [{int(name) for name in rows[role]} for role in ("train", "validation", "holdout")]
    assert set.union(*parts) == set(range(1797)) and sum(map(len, parts)) == 1797
    assert trained_on.words(_check(task, tmp_path, *rows["train"]))
    with pytest.raises(errors.BadInput, match="2 of 600"):
        _check(task, tmp_path, *rows["train"], *list(rows["holdout"])[:2])


def test_an_unwritable_split_file_is_one_line(tmp_path):
    with pytest.raises(errors.BadInput, match=r"--write_split=.*is a directory"):
        trained_on.write_split(sources.load_task("digits"), tmp_path)
