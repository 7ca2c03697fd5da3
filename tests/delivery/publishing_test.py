import dataclasses
import functools
import os
import pathlib
import shutil

import numpy as np
import pytest
from tuf.api.metadata import TargetFile

from tfedge import errors, packing
from tfedge.delivery import (
    channel,
    facts,
    keyring,
    names,
    publishing,
    segments,
    shelf,
    trusted,
    wrapping,
)
from tfedge.delivery.offering import Offered
from tfedge.packing import difference

FILE = pathlib.Path(__file__).parents[1] / "device" / "files" / "sequence_float16.tflite"


def offered(seed, moved=0.02, step=1):
    """A model whose bytes are those of a small file, some of them moved."""
    rng = np.random.default_rng(seed)
    content = np.frombuffer(FILE.read_bytes(), np.uint8).copy()
    weights = content[-1500:]
    there = rng.random(len(weights)) < moved
    weights += there * rng.integers(1, step + 1, len(weights), np.uint8)
    return Offered("ds_cnn", content.tobytes(), b"examples", "2.17.0")


def add(repository, ring, release, **asked):
    return publishing.add(repository, ring, release, publishing.Asked(**asked))


def targets(repository):
    return trusted.read(repository).targets.signed.targets


def entries(repository, name="stable"):
    return shelf.channel_of(repository, targets(repository), "ds_cnn", name).entries


def everything(repository):
    return {
        path.relative_to(repository): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file()
    }


def test_a_release_is_published_sealed_and_opened_again(repository, ring):
    done = add(repository, ring, offered(1), rollout=500)
    assert (done.entry, done.is_new, done.is_changed) == (
        channel.Entry(1, 500, min_runtime="2.17.0"),
        True,
        True,
    )
    found = targets(repository)
    assert set(found) == {"ds_cnn/stable.json", "ds_cnn/1.sealed", "ds_cnn/1.golden.npz"}
    told = facts.sealed(found["ds_cnn/1.sealed"].custom, found["ds_cnn/1.sealed"].length, "x")
    assert told.model == facts.File.of(offered(1).content)
    assert shelf.content(repository, found[told.golden]) == b"examples"
    sealed = shelf.content(repository, found["ds_cnn/1.sealed"])
    assert told.chunks == facts.Chunks(65_536, segments.chunk_hashes(sealed))
    key = wrapping.unwrap(told.keys["app"], ring.audience_key("app"), "ds_cnn/1.sealed")
    packed = segments.open_sealed(sealed, key, "ds_cnn/1.sealed")
    assert packing.unpack(packed) == offered(1).content
    assert done.bytes == {
        "full": len(offered(1).content),
        "packed": len(packed),
        "sealed": len(sealed),
    }


def test_files_have_the_names_that_clients_ask_for(repository, ring):
    add(repository, ring, offered(1))
    found = targets(repository)["ds_cnn/1.sealed"]
    path = repository / "targets" / "ds_cnn" / f"{found.hashes['sha256']}.1.sealed"
    assert path.read_bytes()[:4] == b"TFS1"
    assert found.get_prefixed_paths() == [f"ds_cnn/{found.hashes['sha256']}.1.sealed"]


def test_the_same_call_again_changes_nothing(repository, ring):
    add(repository, ring, offered(1), rollout=500)
    before = everything(repository)
    again = add(repository, ring, offered(1), rollout=500)
    assert (again.is_new, again.is_changed, again.bytes) == (False, False, {})
    assert everything(repository) == before


def test_a_larger_share_and_another_channel_seal_nothing_anew(repository, ring):
    add(repository, ring, offered(1), rollout=500, min_app="2.4")
    sealed = targets(repository)["ds_cnn/1.sealed"]
    add(repository, ring, offered(1), rollout=10_000)
    add(repository, ring, offered(1), channel="beta")
    assert entries(repository) == (channel.Entry(1, 10_000, False, "2.4", "2.17.0"),)
    assert entries(repository, "beta") == (channel.Entry(1, min_runtime="2.17.0"),)
    assert targets(repository)["ds_cnn/1.sealed"] == sealed
    assert shelf.channels(targets(repository)) == [("ds_cnn", "beta"), ("ds_cnn", "stable")]


def test_a_delta_leads_from_the_version_before_where_it_is_short(repository, ring):
    add(repository, ring, offered(1))
    done = add(repository, ring, offered(2))
    found = targets(repository)
    told = shelf.fields(found, "ds_cnn", 2)
    assert told.deltas == {1: "ds_cnn/2.from-1.sealed"}
    target = found["ds_cnn/2.from-1.sealed"]
    of_delta = facts.delta(target.custom, target.length, "x")
    assert (of_delta.version, of_delta.base) == (2, 1)
    assert of_delta.base_model == facts.File.of(offered(1).content)
    key = shelf.content_key(ring, told, "ds_cnn/2.sealed")
    made = segments.open_sealed(shelf.content(repository, target), key, target.path)
    assert difference.unpack(made, offered(1).content) == offered(2).content
    assert done.bytes["delta"] == len(made) < 0.5 * done.bytes["packed"]


def test_a_long_delta_is_left_out_and_told(repository, ring):
    add(repository, ring, offered(1))
    done = add(repository, ring, offered(2, moved=1, step=200))
    assert done.bytes["delta"] >= 0.5 * done.bytes["packed"]
    assert "ds_cnn/2.from-1.sealed" not in targets(repository)
    assert shelf.fields(targets(repository), "ds_cnn", 2).deltas == {}


def test_a_delta_does_not_come_from_a_withdrawn_version(repository, ring):
    add(repository, ring, offered(1))
    add(repository, ring, offered(2))
    publishing.withdraw(repository, ring, "ds_cnn", "stable", 2)
    add(repository, ring, offered(3))
    assert set(shelf.fields(targets(repository), "ds_cnn", 3).deltas) == {1}


def test_a_version_is_withdrawn_and_brought_back(repository, ring):
    add(repository, ring, offered(1))
    add(repository, ring, offered(2), rollout=500)
    assert publishing.withdraw(repository, ring, "ds_cnn", "stable", 2)
    assert [each.withdrawn for each in entries(repository)] == [False, True]
    assert not publishing.withdraw(repository, ring, "ds_cnn", "stable", 2)
    with pytest.raises(errors.BadInput, match="withdraw 2 --channel=stable --undo"):
        add(repository, ring, offered(2))
    assert publishing.withdraw(repository, ring, "ds_cnn", "stable", 2, undo=True)
    assert entries(repository)[1] == channel.Entry(2, 500, min_runtime="2.17.0")
    with pytest.raises(errors.BadInput, match="ds_cnn/stable has 1, 2"):
        publishing.withdraw(repository, ring, "ds_cnn", "stable", 3)


def test_only_audiences_that_were_asked_for_can_open(repository, ring):
    ring.make_audience("partner")
    add(repository, ring, offered(1), audiences=("app",))
    told = shelf.fields(targets(repository), "ds_cnn", 1)
    assert set(told.keys) == {"app"}
    with pytest.raises(errors.BadInput):
        wrapping.unwrap(told.keys["app"], ring.audience_key("partner"), "ds_cnn/1.sealed")
    add(repository, ring, offered(1), audiences=("partner",))
    more = shelf.fields(targets(repository), "ds_cnn", 1)
    assert more.keys["app"] == told.keys["app"]
    key = wrapping.unwrap(more.keys["partner"], ring.audience_key("partner"), "ds_cnn/1.sealed")
    assert key == shelf.content_key(ring, told, "ds_cnn/1.sealed")
    assert more.chunks == told.chunks


def test_what_cannot_be_asked_for_is_refused_and_nothing_is_written(repository, ring):
    before = everything(repository)
    for asked in ({"channel": "../x"}, {"min_app": "two"}, {"audiences": ("nobody",)}):
        with pytest.raises(errors.BadInput):
            add(repository, ring, offered(1), **asked)
    assert everything(repository) == before


def test_a_changed_file_of_an_earlier_version_is_refused(repository, ring):
    add(repository, ring, offered(1))
    path = trusted.file_of(repository, targets(repository)["ds_cnn/1.sealed"])
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(errors.BadInput, match="not the bytes that were signed"):
        add(repository, ring, offered(2))


def test_versions_are_counted_by_model(repository, ring):
    add(repository, ring, offered(1))
    other = dataclasses.replace(offered(2), model="resnet8")
    assert add(repository, ring, other).entry.version == 1
    assert set(shelf.versions(targets(repository), "ds_cnn")) == {1}
    found = {
        f"a/{number}.sealed": TargetFile(0, {"sha256": "0"}, "x") for number in ("x", "1.from-2")
    }
    assert shelf.versions(found, "a") == {}


def test_refreshing_signs_the_timestamp_and_what_is_due(repository, ring):
    before = trusted.read(repository)
    after = publishing.refresh(repository, ring, 3)
    assert round(trusted.days_left(after.timestamp)) == 3
    assert after.timestamp.signed.version == before.timestamp.signed.version + 1
    assert after.snapshot.signed.version == before.snapshot.signed.version
    assert trusted.read(repository).timestamp == after.timestamp


def test_the_keys_of_root_are_not_needed(repository, ring, tmp_path):
    for path in (tmp_path / "keys").glob("root-*"):
        path.unlink()
    online = keyring.Keyring([tmp_path / "keys"], lambda folder: b"correct horse")
    assert add(repository, online, offered(1)).is_changed


STEPS = ("mkdir", "open", "write", "fsync", "replace", "unlink")


def at_step(monkeypatch, at, then):
    """Calls `then` instead of the `at`-th call that touches the disk; counts them."""
    count = [0]

    def watched(real):
        def call(*args, **kwargs):
            count[0] += 1
            return then() if count[0] == at else real(*args, **kwargs)

        return call

    for name in STEPS:
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    return count


def is_killed_at(at, work):
    """Whether a process that does `work` came so far as to be killed at that step."""
    child = os.fork()
    if child == 0:
        with pytest.MonkeyPatch.context() as patched:
            at_step(patched, at, lambda: os._exit(9))
            work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def fails_at(at, work):
    """Whether the disk was full at that step, and was told so."""

    def full():
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patched:
        count = at_step(patched, at, full)
        try:
            work()
        except errors.BadInput as error:
            assert "no space left on device" in str(error).lower()
    return count[0] >= at


def small(seed):
    return Offered("ds_cnn", f"model {seed}".encode(), b"examples")


@pytest.mark.parametrize("stops_at", [is_killed_at, fails_at])
def test_publishing_stopped_at_every_step_is_whole_and_goes_on(
    repository, ring, tmp_path, stops_at
):
    add(repository, ring, small(0))  # its keys are opened by now
    seen, at, is_stopped = set(), -1, True
    while is_stopped:
        at += 2  # every other one: each takes a tenth of a second
        folder = shutil.copytree(repository, tmp_path / str(at))
        work = functools.partial(add, folder, ring, small(1), rollout=5)
        is_stopped = stops_at(at, work)
        found = targets(folder)
        for target in found.values():
            shelf.content(folder, target)
        seen.add(len(entries(folder)))
        work()
        assert entries(folder)[1:] == (channel.Entry(2, 5),)
        assert not [path for path in folder.rglob("*") if path.name.startswith(".")]
    assert at > 40
    assert seen == {1, 2}


def test_what_a_stopped_publisher_left_is_gone_after_the_next(repository, ring, monkeypatch):
    add(repository, ring, offered(1))
    with monkeypatch.context() as patched:
        patched.setattr(publishing.commits, "_put", lambda path, metadata: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add(repository, ring, offered(3))
    left = set((repository / "targets" / "ds_cnn").iterdir())
    (repository / "targets" / "README").write_text("somebody else's")
    add(repository, ring, offered(2))
    found = targets(repository)
    now = set((repository / "targets" / "ds_cnn").iterdir())
    assert not any(path in now for path in left if path.name.endswith("2.sealed"))
    assert {trusted.file_of(repository, each) for each in found.values()} <= now
    assert (repository / "targets" / "README").exists()


def test_golden_and_channel_names_are_apart():
    assert names.golden("a", 1) != names.channel("a", "1")
