import itertools
import json

import pytest

from tfedge import errors
from tfedge.device import profiles

CLASSES = ("wearable", "entry_phone", "mid_range_phone", "flagship_phone")
DEVICES = {
    **{name: name for name in ("pixel", "pixel2", "pixel3", "pixel3a", "pixel4")},
    "raspberry_pi_2": "rpi2",
    "raspberry_pi_3": "rpi3plus",
    "raspberry_pi_4": "rpi4_arm64",
}


def test_the_phone_classes_that_come_along():
    assert {*CLASSES, *DEVICES} == set(profiles.names())
    caps = [profiles.load(name) for name in CLASSES]
    for smaller, larger in itertools.pairwise(caps):
        assert smaller.max_memory_bytes < larger.max_memory_bytes
        assert smaller.max_file_bytes < larger.max_file_bytes
    for profile in caps:
        assert profile.source.startswith("Assumption")
        assert profile.latency_note
        assert not profile.allow_flex
        assert profile.extrapolated.startswith("Extrapolated from")


def test_the_published_devices():
    for name, device in DEVICES.items():
        profile = profiles.load(name)
        assert profile.name == name
        assert profile.source.startswith("Latency: ")
        assert (profile.latency_scale, profile.extrapolated) == ((1, 1, 1), "")
        assert profile.latency_device == device


def test_a_profile_of_ones_own(tmp_path):
    path = tmp_path / "kiosk.json"
    path.write_text(json.dumps({"name": "kiosk", "threads": 2, "allowed_operators": ["CONV_2D"]}))
    profile = profiles.load(path)
    assert (profile.name, profile.threads) == ("kiosk", 2)
    assert profile.allowed_operators == ("CONV_2D",)
    assert profiles.load(profile) is profile


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"name": "x", "threads": 0}', "threads is 0"),
        ('{"name": "x", "thread": 1}', "'threads' is"),
        ('{"name": "x", "runtime_version": "new"}', "runtime_version"),
        ('{"name": "x", "max_memory_bytes": "1 GB"}', "max_memory_bytes is '1 GB'"),
        ('{"name": "x", "max_latency_ms": 0}', "max_latency_ms is 0"),
        ('{"name": "x", "latency_scale": [2, 1, 3]}', "the reason for latency_scale"),
        ('{"name": "x", "latency_scale": [4, 1, 3], "extrapolated": "y"}', "low <= value"),
        ('{"name": "x", "latency_device": "pixel9"}', "device 'pixel9'"),
        ('{"name": "x", "denied_operators": "SOFTMAX"}', "a list of names"),
        ('{"name": "x", "denied_operators": ["SOFTMX"]}', "SOFTMX is none, SOFTMAX is"),
        ('{"name": "x", "allow_flex": "yes"}', "true or false"),
        ('{"name": 5}', "expected text"),
        ('{"threads": 1}', "no name"),
        ("{", "not JSON"),
        pytest.param("[" * 3000, "not JSON", id="deep"),
        ('{"name": "\\ud800"}', "no Unicode"),
        pytest.param('{"name": "x", "max_memory_bytes": ' + "9" * 4000 + "}", "64 bits", id="long"),
    ],
)
def test_a_profile_that_is_none(tmp_path, content, words):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(errors.BadInput, match=words):
        profiles.load(path)


def test_a_misspelt_name():
    with pytest.raises(errors.BadInput, match="did you mean mid_range_phone"):
        profiles.load("midrange_phone")
