"""A plan on the embedded digits network: figures, and nothing trained or written."""

import os
import pathlib

import pytest

from tfedge import dry_run, judging, making
from tfedge.compress.training import trainer
from tfedge.release import rejected

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"


@pytest.fixture(autouse=True)
def untrained(monkeypatch):
    monkeypatch.setattr(trainer, "epoch", lambda *_: pytest.fail("trained"))


def test_the_plan_of_a_release_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = []
    monkeypatch.setattr(rejected, "read", lambda folder, key: keys.append((folder, key)) or "kept")
    order = making.Order(MODEL, "digits", "prune(final_sparsity=0.6, epochs=2)", "float32")
    plan = dry_run.make_release(order, judging.Terms.read("wearable", margin=0.03), "out")
    assert not os.listdir(tmp_path)
    ((name, reach, seconds),) = plan.passes
    assert (name, reach.name) == ("prune", "prune") and 0.5 < reach.share < 1 and seconds > 0
    assert plan.seconds > plan.export_seconds > 0
    assert plan.file.download_bytes < 0.7 * plan.baseline.download_bytes  # zeros are in it
    assert plan.phone == "wearable" and plan.latency.low < plan.latency.value < plan.latency.high
    assert plan.power.words.startswith("600 held-out examples") and plan.power.is_enough
    assert plan.kept == keys[0][0] == tmp_path / "out.rejected" and len(keys[0][1]) == 16


def test_a_plan_without_passes_or_judgement():
    plan = dry_run.compress(making.Order(MODEL, "digits", "", "int8"))
    assert plan.passes == () and plan.seconds == plan.export_seconds
    assert (plan.phone, plan.latency, plan.power, plan.kept) == (None, None, None, None)
    assert plan.file.file_bytes < plan.baseline.file_bytes / 2
