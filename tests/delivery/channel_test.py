import dataclasses
import json

import pytest

from tfedge import errors
from tfedge.delivery import channel, rollout
from tfedge.delivery.channel import Channel, Entry


def stable(*entries):
    return Channel("ds_cnn", "stable", entries)


def test_a_channel_is_read_back():
    written = stable(Entry(2), Entry(3, 500, True, "2.4", "2.17"))
    assert channel.read(written.to_bytes(), "x") == written


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 0),
        ("version", "3"),
        ("rollout", 10_001),
        ("rollout", True),
        ("withdrawn", 0),
        ("min_app", "2.x"),
        ("min_runtime", "2..1"),
    ],
)
def test_what_no_channel_holds_is_refused(field, value):
    told = json.loads(stable(Entry(2)).to_bytes())
    told["entries"][0][field] = value
    with pytest.raises(errors.BadInput):
        channel.read(json.dumps(told).encode(), "x")


def test_a_version_twice_and_a_later_format_are_refused():
    told = json.loads(stable(Entry(2), Entry(3)).to_bytes())
    for change in ({"entries": told["entries"][:1] * 2}, {"schema_version": 2}, {"model": "../x"}):
        with pytest.raises(errors.BadInput):
            channel.read(json.dumps(told | change).encode(), "x")


def test_the_highest_that_fits_is_chosen():
    offered = stable(Entry(1), Entry(2, min_app="2.10"), Entry(3, min_runtime="2.17"), Entry(4, 0))
    assert offered.choose("a", "2.9", "2.17") == 3
    assert offered.choose("a", "2.9", "2.16.9") == 1
    assert offered.choose("a", "2.10.0", "2.16") == 2
    assert offered.choose("a") == 3


def test_a_withdrawn_version_is_nobodys():
    offered = stable(Entry(1), Entry(2, withdrawn=True))
    assert offered.choose("a", current=2) == 1
    assert stable(Entry(2, withdrawn=True)).choose("a", current=2) is None


def test_who_has_a_version_keeps_it_when_the_share_shrinks():
    offered = stable(Entry(1), Entry(2, 0))
    assert offered.choose("a", current=2) == 2
    assert offered.choose("a", current=1) == offered.choose("a") == 1


def test_versions_of_apps_compare_as_numbers():
    offered = stable(Entry(1, min_app="2.4"))
    assert [offered.choose("a", app) for app in ("2.4", "2.4.0", "2.10", "2.3.9")] == [
        1,
        1,
        1,
        None,
    ]


def test_an_entry_replaces_that_of_its_version():
    offered = stable(Entry(1), Entry(3))
    assert offered.having(Entry(2, 100)).entries == (Entry(1), Entry(2, 100), Entry(3))
    assert offered.having(Entry(3, 100)).entries == (Entry(1), Entry(3, 100))
    assert dataclasses.replace(offered, entries=()).having(Entry(1)).entries == (Entry(1),)


def test_the_share_is_the_one_asked_for_and_who_is_in_stays_in():
    ids = [f"installation-{i}" for i in range(100_000)]
    before = set()
    for parts in (100, 500, 5_000):
        inside = {each for each in ids if rollout.includes(parts, "ds_cnn", 3, each)}
        assert abs(len(inside) / len(ids) - parts / 10_000) < 0.005
        assert before <= inside
        before = inside
    assert all(rollout.includes(10_000, "ds_cnn", 3, each) for each in ids[:1_000])
    assert not any(rollout.includes(0, "ds_cnn", 3, each) for each in ids[:1_000])


def test_another_version_begins_with_others():
    ids = [f"installation-{i}" for i in range(2_000)]
    first, second = (
        {each for each in ids if rollout.includes(1_000, "ds_cnn", version, each)}
        for version in (3, 4)
    )
    assert len(first & second) < 60  # 20 are expected of 200


def test_the_number_is_the_documented_one():
    at = 2_729_643_831 * 10_000 / 2**32  # docs/delivery_format.md
    assert not rollout.includes(int(at), "ds_cnn", 3, "installation")
    assert rollout.includes(int(at) + 1, "ds_cnn", 3, "installation")


@pytest.mark.parametrize("text", ["\u0663", "2.\u0664", "\uff11.0", "2.4\n", "2,4", "1" * 10, "."])
def test_a_version_that_another_client_does_not_read_is_none(text):
    with pytest.raises(errors.BadInput, match="expected numbers with dots between"):
        channel.check_version(text, "--min_app")


@pytest.mark.parametrize("version", [2.4, 2, None, True])
def test_a_least_version_is_text(version):
    told = json.loads(channel.Channel("m", "stable", (channel.Entry(1),)).to_bytes())
    told["entries"][0]["min_app"] = version
    with pytest.raises(errors.BadInput, match="no channel"):
        channel.read(json.dumps(told).encode(), "x")
