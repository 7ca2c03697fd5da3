import dataclasses
import json
import lzma
import math
import pathlib

import pytest

import tfedge
from tfedge import errors
from tfedge.device import phone_latency, profiles
from tfedge.device.prediction import own_phone
from tfedge.making import timing

_NETWORKS = pathlib.Path(__file__).parent / "networks"


@pytest.fixture
def content():
    return lzma.decompress((_NETWORKS / "mobilenet_v2_int8.tflite.xz").read_bytes())


@pytest.fixture
def own(tmp_path, monkeypatch, content):
    """Writes the file of latencies; its network is the predicted one."""
    (tmp_path / "ours.tflite").write_bytes(content)

    def write(**changed):
        latencies = [{"tflite": "ours.tflite", "ms": 1.0}]
        stored = {"device": "galaxy_s25", "accelerator": "npu", "latencies": latencies, **changed}
        path = tmp_path / f"latencies{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(stored))
        monkeypatch.setenv("TFEDGE_PHONE_LATENCY", str(path))

    return write


def predicted(content, device="galaxy_s25", accelerator="npu"):
    return tfedge.predict_latency(content, device=device, accelerator=accelerator)


def test_each_latency_counts_less_than_the_last():
    assert own_phone.factor([4.0]) == pytest.approx(2)
    assert own_phone.factor([4.0] * 3) == pytest.approx(math.exp(0.75 * math.log(4)))
    assert own_phone.factor([4.0, 0.25]) == pytest.approx(1)


def test_a_measured_latency_moves_the_prediction(own, content):
    before = predicted(content)
    own()
    after = predicted(content)
    assert after.value == pytest.approx(math.sqrt(before.value * 1.0))
    assert after.high / after.low == pytest.approx(before.high / before.low)
    assert (
        f"Refined by one latency of latencies1.json: {before.value:.3g} ms before." in after.notes
    )
    estimate = phone_latency.estimate(content, profiles.load("flagship_2025"))
    assert estimate.value == pytest.approx(after.value)
    assert f"{after.value:.2g} ms" in estimate.sentence


def test_of_a_processor(own, content):
    before = predicted(content, "pixel4", "cpu").value
    own(device="pixel4", accelerator="cpu", threads=4)
    assert predicted(content, "pixel4", "cpu").value == pytest.approx(math.sqrt(before))


def test_other_devices_types_and_threads_stay(own, content):
    float_file = lzma.decompress((_NETWORKS / "mobilenet_float.tflite.xz").read_bytes())
    cases = [(content, "galaxy_s24", "npu"), (float_file, "galaxy_s25", "npu")]
    cases.append((content, "pixel4", "cpu"))
    before = [predicted(*case) for case in cases]
    own()
    assert [predicted(*case) for case in cases] == before
    own(device="pixel4", accelerator="cpu", threads=1)
    assert predicted(*cases[2]) == before[2]


def test_a_release_that_a_phone_has_measured(own, content, tmp_path):
    release = tmp_path / "release"
    release.mkdir()
    (release / "model.tflite").write_bytes(content)
    card = {"latency_ms": {"phone_measured": {"p50": None, "mean": 2.0}}}
    (release / "scorecard.json").write_text(json.dumps(card))
    before = predicted(content).value
    own(latencies=[{"release": "release"}])
    assert predicted(content).value == pytest.approx(math.sqrt(2 * before))


@pytest.mark.parametrize(
    "changed",
    [
        {"latencies": [{"tflite": "ours.tflite", "ms": 0}]},
        {"latencies": [{"tflite": "ours.tflite"}]},
        {"latencies": [{"tflite": "theirs.tflite", "ms": 1.0}]},
        {"latencies": 3},
        {"device": "galaxy_s1"},
    ],
)
def test_what_is_no_such_file(own, content, changed):
    own(**changed)
    with pytest.raises(errors.BadInput) as refused:
        predicted(content)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("profile", "device"), [("galaxy_s25", "galaxy_s25 npu 4 1.0"), ("pixel4", "pixel4 cpu 4 1.0")]
)
def test_a_key_of_what_it_refines_tells_measurements_apart(own, content, tmp_path, profile, device):
    phone = profiles.load(profile)
    keys = {timing.told(phone)}
    assert keys == {device}
    for changed in ({}, {"latencies": [{"tflite": "ours.tflite", "ms": 2.0}]}, {"threads": 2}):
        own(device=profile, accelerator=phone.latency_accelerator, **changed)
        keys.add(timing.told(phone))
    (tmp_path / "ours.tflite").write_bytes(content + b" ")
    keys.add(timing.told(phone))
    assert len(keys) == 5 and all(each.startswith(device) for each in keys)


def test_where_this_host_is_measured_no_phone_is_in_a_key(own):
    own()
    alone = profiles.Profile("alone")
    host = dataclasses.replace(alone, latency_device="host")
    assert [timing.told(each) for each in (None, alone, host)] == [""] * 3


def test_what_is_predicted_for_that_phone(own, content):
    assert phone_latency.on_own_phone(content) is None
    own()
    found = phone_latency.on_own_phone(content)
    assert found == predicted(content) and "Refined by one latency" in found.notes[-1]
    own(latencies=3)
    with pytest.raises(errors.BadInput, match="no latencies of a phone"):
        phone_latency.on_own_phone(content)


def test_what_cannot_be_predicted_for_it_is_none(own, content, caplog):
    own(accelerator="gpu")
    with caplog.at_level("WARNING", logger="absl"):
        assert phone_latency.on_own_phone(content) is None
    assert "no latency is predicted" in caplog.text


def test_no_such_file(monkeypatch, content):
    monkeypatch.setenv("TFEDGE_PHONE_LATENCY", "nowhere.json")
    with pytest.raises(errors.BadInput, match="no such file"):
        predicted(content)
