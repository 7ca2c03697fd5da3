import dataclasses
import lzma
import pathlib

import pytest

from tfedge import errors
from tfedge.device import phone_latency, profiles
from tfedge.device.prediction import predict


@pytest.fixture
def predicted(monkeypatch):
    """What was asked of the predictor, which always answers 10 ms, 8 to 12."""
    asked = []

    def answer(content, device, threads, accelerator):
        asked.append((device, threads))
        return predict.Estimate(10.0, 8.0, 12.0, device, threads, "some runtime", ("a note",))

    monkeypatch.setattr(predict, "predict_latency", answer)
    return asked


def test_a_published_device_is_predicted_as_it_is(predicted):
    found = phone_latency.estimate(b"", profiles.load("pixel3"))
    assert (found.value, found.low, found.high) == (10, 8, 12)
    assert predicted == [("pixel3", 4)]
    assert (found.extrapolated, found.runtime, found.notes) == ("", "some runtime", ("a note",))


def test_an_extrapolation_widens_the_interval_and_says_why(predicted):
    flagship = profiles.load("flagship_phone")
    found = phone_latency.estimate(b"", flagship)
    value, low, high = flagship.latency_scale
    assert (found.value, found.low, found.high) == (10 * value, 8 * low, 12 * high)
    assert found.low < found.value < found.high
    assert predicted == [("pixel4", 4)]
    assert "newest published phone" in found.extrapolated


def test_no_device_or_no_prediction_is_none(predicted, monkeypatch):
    alone = dataclasses.replace(profiles.load("pixel"), latency_device=None)
    assert phone_latency.estimate(b"", alone) is None

    def refuse(*_):
        raise errors.BadInput("device", "unknown", "Choose another.")

    monkeypatch.setattr(predict, "predict_latency", refuse)
    assert phone_latency.estimate(b"", profiles.load("pixel")) is None


@pytest.mark.parametrize(
    ("name", "profile", "words"),
    [
        ("mobilenet_v2_int8", "flagship_2025", "all operators run there; float16 would take about"),
        ("mobilenet_float", "galaxy_s25", "int8 would be about 1.6 times faster"),
        ("mobilenet_v2_int8", "mid_range_2025", "only int8 was published of it"),
        ("rnn_float", "galaxy_s24", "UNIDIRECTIONAL_SEQUENCE_LSTM on the CPU, uncounted"),
    ],
)
def test_the_sentence_of_an_npu(name, profile, words):
    path = pathlib.Path(__file__).parent / "networks" / f"{name}.tflite.xz"
    found = phone_latency.estimate(lzma.decompress(path.read_bytes()), profiles.load(profile))
    assert found.accelerator == "npu"
    assert words in found.sentence
    assert f"{found.value:.2g} ms ({found.low:.2g} to {found.high:.2g})" in found.sentence


def test_no_sentence_of_a_processor(predicted):
    assert phone_latency.estimate(b"", profiles.load("pixel3")).sentence == ""
