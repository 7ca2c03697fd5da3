import hashlib
import json
import os
import pathlib
import resource
import subprocess
import sys

import numpy as np
import pytest
from tfedge_pipelines import train

from tfedge import lock

SCRIPT = pathlib.Path(train.__file__)


def run(*arguments, folder=None):
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_trains_from_another_folder_and_says_how(tmp_path):
    done = run("--epochs=1", "--batch_size=256", "--output_dir=a folder", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "a folder" / "training.json").read_text())
    model = tmp_path / "a folder" / "model.keras"
    assert facts["command"] == (
        "python pipelines/train.py --epochs=1 --batch_size=256 '--output_dir=a folder'"
    )
    assert (facts["network"], facts["seed"], facts["held_out_examples"]) == ("digits_cnn", 0, 600)
    assert 0 <= facts["held_out_accuracy"] <= 1
    assert facts["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert sorted(path.name for path in model.parent.iterdir()) == ["model.keras", "training.json"]


def test_varied_examples_and_smoothed_targets_are_learned_from(tmp_path):
    options = ["--augment=crop(padding=1), mixup", "--label_smoothing=0.1", "--epochs=5"]
    fast = ["--batch_size=32", "--learning_rate=0.003"]
    done = run(*options, *fast, f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "training.json").read_text())["held_out_accuracy"] > 0.5


def test_examples_count_as_the_data_says(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((280, 8, 8, 1), np.float32)  # nothing to learn but how often classes count
    y = (np.arange(280) % 10 == 0).astype(int)
    parts = {f"{axis}_train": each[:160] for axis, each in (("x", x), ("y", y))}
    parts |= {f"{axis}_val": each[160:200] for axis, each in (("x", x), ("y", y))}
    parts |= {f"{axis}_test": each[200:] for axis, each in (("x", x), ("y", y))}
    np.savez(tmp_path / "d.npz", **parts, w_train=np.where(y[:160] == 1, 90.0, 1.0))
    fast = ["--epochs=2", "--batch_size=16", "--learning_rate=0.01", "--augment=mixup"]
    data = f"--data=npz:{tmp_path / 'd.npz'}?kind=classification"
    done = run(*fast, data, f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "out" / "training.json").read_text())
    assert facts["held_out_accuracy"] < 0.3


def test_help_is_quick_and_shows_our_flags_only():
    # Processor time, not the clock: other work on the machine must not fail this test.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    assert done.returncode == 0
    assert "--network" in done.stdout
    assert "alsologtostderr" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--network=ds_cn"], "--network: no 'ds_cn'. Did you mean 'ds_cnn'?"),
        (["--epoch=3"], "--epoch: unknown flag. Did you mean 'epochs'?"),
        (["--epochs=0"], "--epochs=0: expected a positive integer"),
        (["digits"], "'digits': only flags are expected here"),
        ([], "--output_dir: missing"),
        (["--output_dir=out", "--augment=flop"], "there is no such variation. Did you mean 'flip'"),
        (["--output_dir=out", "--learning_rate=nan"], "--learning_rate: nan is no number"),
        (["--output_dir=FILE"], "--output_dir: cannot write to FILE"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_1(arguments, expected, tmp_path):
    (tmp_path / "FILE").touch()
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(expected) or expected in done.stderr
    assert done.stderr.count("\n") == 1


def test_weights_that_diverged_are_not_kept(tmp_path):
    done = run("--epochs=1", "--learning_rate=1e30", f"--output_dir={tmp_path}")
    assert done.returncode == 1
    assert "NaN or infinite" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_while_it_trains_ends_in_one_line(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    command = [sys.executable, str(SCRIPT), "--epochs=1", f"--output_dir={tmp_path}"]
    done = subprocess.run(
        command, preexec_fn=small_files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "the disk refused to write (file too large)" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_an_interrupted_training_goes_on_and_ends_with_the_same_model(
    tmp_path, monkeypatch, caplog
):
    from tfedge.compress import keras
    from tfedge.compress.training import training_state

    def trained(name, *more):
        train._FLAGS(["train.py", "--epochs=2", f"--output_dir={tmp_path / name}", *more])
        assert train.main() == 0
        return keras.keras3().models.load_model(tmp_path / name / "model.keras").get_weights()

    def interrupted(label, state):
        save(label, state)
        raise KeyboardInterrupt

    save = training_state.save
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training_state, "save", interrupted)
        trained("out")
    assert [path.name for path in tmp_path.iterdir()] == ["out", "out.work"]
    with caplog.at_level("INFO", logger="absl"):
        weights = trained("out")
        assert caplog.text.count("goes on after epoch 1 of an earlier run") == 1
        assert not (tmp_path / "out.work").exists()
        whole = trained("whole")
    for one, other in zip(weights, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_read_only_folder_is_refused_at_once(tmp_path):
    tmp_path.chmod(0o555)  # the superuser could write to it all the same
    done = run(f"--output_dir={tmp_path}")
    tmp_path.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "it is read-only" in done.stderr


def test_a_second_run_into_the_same_folder_is_told_who_holds_it(tmp_path):
    with lock.hold(tmp_path / ".lock", "the folder"):
        done = run(f"--output_dir={tmp_path}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"in use by process {os.getpid()}" in done.stderr


def test_an_unknown_source_of_data_is_refused_in_one_line(tmp_path):
    done = run("--data=digit", "--output_dir=out", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "digit" in done.stderr
    assert not (tmp_path / "out" / "model.keras").exists()
