"""What a scorecard says of the phone before any phone has seen the file."""

import dataclasses
import json

import pytest

from tfedge import errors
from tfedge.device import evaluate, phone_latency, profiles


@pytest.fixture
def card(stored, image_task, monkeypatch):
    found = phone_latency.PhoneEstimate(0.2, 0.1, 0.3, "pixel4", 4, "", "an extrapolation")
    monkeypatch.setattr(phone_latency, "estimate", lambda content, phone: found)
    return evaluate.evaluate(stored("image_int8"), image_task, "entry_phone")


def test_estimates_are_in_the_scorecard_and_called_so(card):
    said = json.loads(json.dumps(card.to_json()))
    latency = said["latency_ms"]["phone_estimate"]
    assert (latency["value"], latency["low"], latency["high"]) == (0.2, 0.1, 0.3)
    assert latency["extrapolated"] == "an extrapolation"
    assert said["latency_ms"]["phone_measured"] is None
    energy = said["energy_mj_estimate"]
    assert 0 < energy["low"] < energy["value"] < energy["high"] < 1e-3
    assert "estimate" in energy["assumptions"][0]


def test_memory_is_planned_beside_what_was_measured(card):
    memory = card.to_json()["memory"]
    assert memory["arena_bytes"] == 320
    assert memory["weights_bytes"] == 4 * 9 + 4 * 9 + 64 * 4
    assert memory["app_free_bytes_estimate"] > memory["xnnpack_bytes_estimate"] > 60_000
    # The process of one model alone: the library's code is most of it.
    assert 0.4 < card.peak_memory_bytes / memory["app_free_bytes_estimate"] < 2.5


def test_what_would_take_the_file_there(card):
    said = json.loads(json.dumps(card.to_json()["compatibility"]))
    assert {each["delegate"] for each in said["delegates"]} == {
        *("core_ml", "litert_gpu", "mediatek_npu", "qualcomm_npu")
    }
    assert all(not each["executed"] and each["source"] for each in said["delegates"])
    assert said["lacking"] == [] and said["needs_runtime"] == "1.14.0"
    assert card.not_delegated == {"SOFTMAX": 1}


def test_limits_say_which_kernel_groups_hold(card):
    said = {**card.limits_in_force, **card.unenforced_limits}
    assert {"threads", "memory_bytes", "seconds", "cgroup_memory", "cgroup_cpu"} <= set(said)


def test_a_graph_that_contradicts_itself_is_refused(stored, edited, image_task):
    def flatten(model):
        graph = model.subgraphs[0]
        graph.tensors[graph.operators[-2].inputs[1]].shape = []

    with pytest.raises(errors.BadInput, match="damaged"):
        evaluate.evaluate(edited(stored("image_int8"), flatten), image_task)


def test_a_failure_still_has_what_was_foreseen(stored, task_of, monkeypatch):
    import numpy as np

    monkeypatch.setattr(phone_latency, "estimate", lambda content, phone: None)
    task = task_of(np.zeros((3, 8, 8, 1), np.uint8), np.zeros((3, 8)), kind="multilabel")
    wearable = dataclasses.replace(profiles.load("wearable"), latency_device=None)
    found = evaluate.evaluate(stored("hungry_float"), task, wearable)
    assert found.failure.kind == "memory"
    assert found.memory.arena_bytes > 2**31
    assert found.to_json()["latency_ms"]["phone_estimate"] is None
