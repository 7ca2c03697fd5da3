import dataclasses
import itertools
import json

import pytest
from absl import flags
from tfedge_pipelines import order_flags

from tfedge import errors, settings
from tfedge.device import profiles
from tfedge.device.prediction.accelerators import devices as npus

CLASSES = ("wearable", "entry_phone", "mid_range_phone", "flagship_phone")
DEVICES = {
    **{name: name for name in ("pixel", "pixel2", "pixel3", "pixel3a", "pixel4")},
    "raspberry_pi_2": "rpi2",
    "raspberry_pi_3": "rpi3plus",
    "raspberry_pi_4": "rpi4_arm64",
}
CLASSES_OF_NPUS = {
    "flagship_2024": "galaxy_s24",
    "flagship_2025": "galaxy_s25",
    "mid_range_2025": "snapdragon_7_gen4",
}


def test_the_phone_classes_that_come_along():
    assert {*CLASSES, *DEVICES, *CLASSES_OF_NPUS, *npus.known()} == set(profiles.names())
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


def test_the_published_npus():
    for name in npus.known():
        profile = profiles.load(name)
        assert (profile.latency_device, profile.latency_accelerator) == (name, "npu")
        assert (profile.latency_scale, profile.extrapolated) == ((1, 1, 1), "")
        assert profile.source.startswith("Latency: ")
    for name, device in CLASSES_OF_NPUS.items():
        profile = profiles.load(name)
        assert (profile.latency_device, profile.latency_accelerator) == (device, "npu")
        assert profile.source.startswith("Assumption") and profile.extrapolated
    every = map(profiles.load, profiles.names())
    assert all(p.needs_integers for p in every if p.latency_accelerator == "npu")
    with pytest.raises(errors.BadInput, match="no latencies of its NPU"):
        dataclasses.replace(profiles.load("pixel4"), latency_accelerator="npu")


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
        ('{"name": "x", "thread": 1}', "Did you mean 'threads'"),
        ('{"name": "x", "runtime_version": "new"}', "runtime_version"),
        ('{"name": "x", "max_memory_bytes": "1 GB"}', "max_memory_bytes is '1 GB'"),
        ('{"name": "x", "max_latency_ms": 0}', "max_latency_ms is 0"),
        ('{"name": "x", "latency_scale": [2, 1]}', "each more than 0"),
        ('{"name": "x", "max_energy_mj": -1}', 'or None. Write "max_energy_mj": null'),
        ('{"name": "x", "latency_scale": [2, 1, 3]}', "the reason for latency_scale"),
        ('{"name": "x", "latency_scale": [4, 1, 3], "extrapolated": "y"}', "low <= value"),
        ('{"name": "x", "latency_device": "pixel9"}', "device 'pixel9'"),
        ('{"name": "x", "denied_operators": "SOFTMAX"}', "a list of names"),
        (
            '{"name": "x", "denied_operators": ["SOFTMX"]}',
            "SOFTMX is no operator. Did you mean 'SOFTMAX'",
        ),
        ('{"name": "x", "allow_flex": "yes"}', 'True or False. Write "allow_flex": false'),
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
    with pytest.raises(errors.BadInput, match="Did you mean 'mid_range_phone'"):
        profiles.load("midrange_phone")


@pytest.mark.parametrize("name", profiles.names())
def test_a_file_is_a_profile_and_says_what_it_rests_on(name):
    profile = profiles.load(name)
    assert profile.name == name
    assert profile.description and profile.source
    assert profile.latency_device and profile.runtime_version


def test_every_field_but_the_name_is_a_setting_with_words():
    fields = [field.name for field in dataclasses.fields(profiles.Profile)]
    assert fields == ["name", *(each.name for each in settings.of(profiles.Profile))]
    assert all(
        each.help and each.name in profiles.Profile.__doc__
        for each in settings.of(profiles.Profile)
    )


def test_a_phone_class_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "kiosk.json").write_text(json.dumps({"name": "kiosk", "threads": 2}))
    monkeypatch.setattr(profiles, "_FOLDER", tmp_path)
    assert profiles.names() == ("kiosk",) and profiles.load("kiosk").threads == 2
    flag_values = flags.FlagValues()
    order_flags.profile(flag_values)
    assert "published device: kiosk; or FILE.json" in flag_values["profile"].help
