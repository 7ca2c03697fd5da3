import dataclasses

import pytest

from tfedge import errors
from tfedge.device import phone_latency, profiles
from tfedge.device.prediction import predict


@pytest.fixture
def predicted(monkeypatch):
    """What was asked of the predictor, which always answers 10 ms, 8 to 12."""
    asked = []

    def answer(content, device, threads):
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
