import dataclasses
import datetime
import json

import numpy as np
import pytest
from publishing_test import add, offered, targets

from tfedge import errors
from tfedge.delivery import (
    checking,
    commits,
    holding,
    next_root,
    publishing,
    rotation,
    trusted,
)
from tfedge.release.golden.vectors import Vectors


def probed(seed):
    """With examples that name its model."""
    release = offered(seed)
    one = np.ones((1, 3), np.int8)
    golden = Vectors(release.content, "synthetic", {"x": one}, {"y": one}, {"y": 1.0})
    return dataclasses.replace(release, golden=golden.to_bytes())


@pytest.fixture
def filled(repository, ring):
    add(repository, ring, probed(1))
    add(repository, ring, probed(2), rollout=500, min_app="2.4")
    return repository


def bad(repository, ring=None):
    return {row.what: row.found for row in checking.check(repository, ring) if not row.is_good}


def test_a_sound_repository_is_told(filled, ring):
    rows = {row.what: row.found for row in checking.check(filled, ring)}
    assert not bad(filled, ring)
    assert list(rows) == [
        *("root", "targets", "snapshot", "timestamp"),
        *("ds_cnn 1", "ds_cnn 2", "ds_cnn/stable"),
    ]
    assert rows["root"] == "version 1, 2 of 3 keys, good for 365.0 days"
    sealed = targets(filled)["ds_cnn/2.sealed"].length
    delta = targets(filled)["ds_cnn/2.from-1.sealed"].length
    model = len(offered(1).content)
    assert rows["ds_cnn 2"] == (
        f"{model:,} B, sealed {sealed:,} B for app; from 1: {delta:,} B; opened"
    )
    runtime = "from runtime 2.17.0"
    assert rows["ds_cnn/stable"] == f"2 for 5%, from app 2.4, {runtime}; 1 for 100%, {runtime}"


@pytest.mark.parametrize(
    "name", ["ds_cnn/1.sealed", "ds_cnn/2.from-1.sealed", "ds_cnn/stable.json"]
)
def test_a_changed_target_is_named(filled, name):
    path = trusted.file_of(filled, targets(filled)[name])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"{name}: not the bytes that were signed" in "".join(bad(filled).values())


def test_a_missing_target_is_named(filled):
    trusted.file_of(filled, targets(filled)["ds_cnn/1.golden.npz"]).unlink()
    assert "ds_cnn/1.golden.npz" in bad(filled)["ds_cnn 1"]


@pytest.mark.parametrize("name", ["1.root", "timestamp", "3.snapshot", "3.targets"])
def test_changed_metadata_are_named(filled, name):
    path = filled / "metadata" / f"{name}.json"
    told = json.loads(path.read_bytes())
    told["signed"]["expires"] = "2099-01-01T00:00:00Z"
    path.write_text(json.dumps(told))
    assert f"{name}.json" in bad(filled)["metadata"]


def signed(repository, ring, change):
    """What somebody with all online keys signs."""
    with holding.held(repository) as state:
        found = dict(state.targets.signed.targets)
        change(found)
        commits.commit(repository, state, commits.Change(targets=found), ring)


def test_a_version_that_opens_to_another_model_is_found_by_who_can_open(filled, ring):
    def change(found):
        told = found["ds_cnn/1.sealed"].unrecognized_fields["custom"]["tfedge"]
        told["model"]["length"] += 1

    signed(filled, ring, change)
    assert "not the model that was signed" in bad(filled, ring)["ds_cnn 1"]


def test_examples_and_deltas_of_other_versions_are_found(filled, ring):
    def change(found):
        of_one = found["ds_cnn/1.sealed"].unrecognized_fields["custom"]["tfedge"]
        of_one["golden"] = "ds_cnn/2.golden.npz"
        found["ds_cnn/2.from-1.sealed"].unrecognized_fields["custom"]["tfedge"]["version"] = 3

    signed(filled, ring, change)
    found = bad(filled)
    assert "another model's" in found["ds_cnn 1"]
    assert "other versions" in found["ds_cnn 2"]


def test_a_channel_with_a_version_that_is_not_there_is_found(filled, ring):
    signed(filled, ring, lambda found: found.pop("ds_cnn/1.sealed"))
    found = bad(filled)
    assert "no version 1" in found["ds_cnn/stable"]
    assert "no version 1" in found["ds_cnn 2"]


def test_what_has_expired_says_what_to_do(filled, ring, monkeypatch):
    late = trusted.now() + datetime.timedelta(days=8)
    monkeypatch.setattr(trusted, "now", lambda: late)
    found = bad(filled)
    assert set(found) == {"timestamp"}
    assert "expired 1.0 days ago: publish.py refresh" in found["timestamp"]


def test_with_a_root_that_has_expired_nothing_is_signed_but_another(filled, ring, monkeypatch):
    now, said = trusted.now(), []
    monkeypatch.setattr(holding.logging, "warning", lambda text, *told: said.append(text % told))
    monkeypatch.setattr(trusted, "now", lambda: now + datetime.timedelta(days=310))
    publishing.refresh(filled, ring, 7)
    assert f"{filled}: root expires in 55 days" in said[0]
    monkeypatch.setattr(trusted, "now", lambda: now + datetime.timedelta(days=370))
    with pytest.raises(errors.BadInput, match=r"expired 5 days ago, and no .*keys renew"):
        publishing.refresh(filled, ring, 7)
    rotation.renew(filled, ring)
    assert len(said) == 1
    assert not bad(filled, ring)


def test_private_keys_and_leftovers_are_named(filled):
    (filled / "targets" / "x.key").write_text("")
    (filled / "metadata" / "9.targets.json").write_text("")
    rows = {row.what: row for row in checking.check(filled)}
    assert not rows["targets/x.key"].is_good
    assert rows["metadata/9.targets.json"].is_good


def test_a_root_that_waits_is_told(filled, ring, monkeypatch):
    monkeypatch.setattr(next_root, "missing", lambda last, waiting: 1)
    rotation.renew(filled, ring)
    rows = {row.what: row.found for row in checking.check(filled)}
    assert "waits for signatures" in rows[next_root.NAME]
