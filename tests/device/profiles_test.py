import itertools
import json

import pytest

from tfedge import errors
from tfedge.device import profiles


def test_the_phone_classes_that_come_along():
    assert profiles.names() == ("entry_phone", "flagship_phone", "mid_range_phone", "wearable")
    caps = [
        profiles.load(name)
        for name in ("wearable", "entry_phone", "mid_range_phone", "flagship_phone")
    ]
    for smaller, larger in itertools.pairwise(caps):
        assert smaller.max_memory_bytes < larger.max_memory_bytes
        assert smaller.max_file_bytes < larger.max_file_bytes
    for profile in caps:
        assert profile.source.startswith("Assumption")
        assert profile.latency_note
        assert not profile.allow_flex


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
        ('{"threads": 1}', "no name"),
        ("{", "not a readable profile"),
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
