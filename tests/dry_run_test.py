"""A plan on the embedded digits network: figures, and nothing trained or written."""

import json
import os
import pathlib

import pytest

from tfedge import dry_run, judging
from tfedge.compress.training import trainer
from tfedge.device import phone_latency
from tfedge.making.order import Order
from tfedge.release.gate.limits import Limits
from tfedge.release.publishing import rejected

MODEL = pathlib.Path(__file__).parents[1] / "models" / "checkpoints" / "digits_cnn_digits.keras"


@pytest.fixture(autouse=True)
def untrained(monkeypatch):
    monkeypatch.setattr(trainer, "epoch", lambda *_: pytest.fail("trained"))


def test_the_plan_of_a_release_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = []
    monkeypatch.setattr(rejected, "read", lambda folder, key: keys.append((folder, key)) or "kept")
    order = Order(MODEL, "digits", "prune(final_sparsity=0.6, epochs=2)", "float32")
    terms = judging.Terms.read("wearable", margin=0.03, max_file_bytes=100)
    plan = dry_run.make_release(order, terms, "out")
    assert plan.obstacles == ("the file would be too large: your own limit allows 100 bytes",)
    assert not os.listdir(tmp_path)
    ((name, reach, seconds),) = plan.passes
    assert (name, reach.name) == ("prune", "prune") and 0.5 < reach.share < 1 and seconds > 0
    assert plan.seconds > plan.export_seconds > 0
    assert plan.file.download_bytes < 0.7 * plan.baseline.download_bytes  # zeros are in it
    assert plan.phone == "wearable" and plan.latency.low < plan.latency.value < plan.latency.high
    assert plan.power.words.startswith("600 held-out examples") and plan.power.is_enough
    assert plan.kept == keys[0][0] == tmp_path / "out.rejected" and len(keys[0][1]) == 16


def test_a_plan_without_passes_or_judgement():
    plan = dry_run.compress(Order(MODEL, "digits", "", "int8"))
    assert plan.passes == () and plan.seconds == plan.export_seconds
    assert (plan.phone, plan.latency, plan.power, plan.kept, plan.own_phone) == (None,) * 5
    assert plan.file.file_bytes < plan.baseline.file_bytes / 2


def test_a_plan_tells_of_the_phone_that_was_measured(tmp_path, monkeypatch):
    files = pathlib.Path(__file__).parent / "device" / "files"
    latencies = [{"tflite": str(files / "image_int8.tflite"), "ms": 9.0}]
    stored = {"device": "pixel4", "threads": 1, "latencies": latencies}
    (tmp_path / "mine.json").write_text(json.dumps(stored))
    monkeypatch.setenv("TFEDGE_PHONE_LATENCY", str(tmp_path / "mine.json"))
    plan = dry_run.compress(Order(MODEL, "digits", "", "int8"))
    assert (plan.own_phone.device, plan.own_phone.threads) == ("pixel4", 1)
    assert "Refined by one latency of mine.json" in plan.own_phone.notes[-1]
    assert plan.own_phone.value > 1 and plan.latency is None


@pytest.mark.parametrize(
    ("size", "low", "said"),
    [(100, 20.0, []), (101, 1.0, ["large"]), (100, 20.1, ["slow: wearable allows 20 ms"])],
)
def test_only_what_would_surely_not_be_kept_is_an_obstacle(size, low, said):
    limits = Limits.from_profile("wearable", max_file_bytes=100)
    latency = phone_latency.PhoneEstimate(30.0, low, 40.0, "rpi3plus", 1)
    found = list(dry_run._obstacles(size, latency, limits))
    assert len(found) == len(said) and all(map(str.__contains__, found, said))
    assert not list(dry_run._obstacles(100, None, limits))
