"""What who has stolen what can and cannot do: the rows of the table in docs/keys.md, one by one."""

import os
import pathlib
import shutil
import types

import fetch_clients
import pytest
from publishing_test import add, offered

from tfedge import packing
from tfedge.delivery import (
    channel,
    commits,
    drafts,
    keyring,
    names,
    rotation,
    serving,
    shelf,
    trust,
    trusted,
)
from tfedge.delivery.fetch import reasons, told

EVIL = offered(9).content


class Mirror:
    """What clients are served: the publisher's files, as far as the thief does not change them."""

    def __init__(self, repository, ring, tmp_path, address):
        self.honest, self.ring = repository, ring
        self.served = tmp_path / "served"
        begins = trust.Trust(
            (repository / trusted.FIRST_ROOT).read_bytes(), "app", ring.audience_key("app")
        )
        self.client = fetch_clients.of(
            address,
            types.SimpleNamespace(trust=begins),
            tmp_path / "store",
            model="ds_cnn",
            probe=lambda content, golden: None,
        )

    def sync(self):
        """Everything that the publisher has."""
        shutil.rmtree(self.served, ignore_errors=True)
        shutil.copytree(self.honest, self.served)
        return self

    def stolen(self, tmp_path, *roles):
        """A ring with only these keys."""
        stolen = tmp_path / f"stolen-{'-'.join(roles)}"
        stolen.mkdir()
        for role in roles:
            for path in self.ring.folders[0].glob(f"{role}*.key"):
                shutil.copy(path, stolen)
        return keyring.Keyring([stolen], lambda folder: b"correct horse")

    def sign(self, ring, change):
        """The thief signs a change of what is served by the keys that are there, and no others."""
        state = trusted.read(self.served)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(trusted, "is_signed", lambda root, role, by: True)
            commits.commit(self.served, state, change, ring)

    def update(self):
        ended = self.client.update()
        return ended.outcome, ended.reason

    @property
    def version(self):
        with self.client.using() as model:
            assert model.content != EVIL
            return model.version


@pytest.fixture
def mirror(repository, ring, tmp_path):
    add(repository, ring, offered(1))
    (tmp_path / "served").mkdir()
    with serving.Server(tmp_path / "served") as server:
        made = Mirror(repository, ring, tmp_path, server.address).sync()
        assert made.update()[0] == told.UPDATED
        yield made


def evil_targets(mirror, wrap_by=None):
    """Targets with a model of the thief's, offered to everybody; the audience's key is a guess."""
    guess = types.SimpleNamespace(
        audience_key=lambda name: wrap_by.audience_key(name) if wrap_by else os.urandom(32)
    )
    before = trusted.read(mirror.served).targets.signed.targets
    draft = drafts.Draft(mirror.served, guess, dict(before))
    drafts.put_version(draft, offered(9), 2, None, ("app",))
    offers = channel.Channel("ds_cnn", "stable", (channel.Entry(2),))
    draft.put(names.channel("ds_cnn", "stable"), offers.to_bytes())
    return commits.Change(draft.targets, draft.files)


def revoke(mirror, ring, role):
    rotation.replace(mirror.honest, ring, role, is_stolen=True)
    add(mirror.honest, ring, offered(3))
    mirror.sync()
    assert mirror.update()[0] == told.UPDATED
    assert mirror.version == 2  # the publisher's second


def test_mirror(mirror, ring, tmp_path):
    """No key: it can withhold, until the timestamp expires; not change, roll back or read."""
    served = mirror.served
    old = (served / "metadata" / "timestamp.json").read_bytes()
    add(mirror.honest, ring, offered(2))
    assert mirror.update()[0] == told.UNCHANGED  # withheld: nobody notices yet
    mirror.sync()
    assert mirror.update()[0] == told.UPDATED
    (served / "metadata" / "timestamp.json").write_bytes(old)
    assert mirror.update() == (told.KEPT, reasons.ROLLBACK)
    add(mirror.honest, ring, offered(3))
    mirror.sync()
    for path in served.rglob("*.3.sealed"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    for path in served.rglob("*.3.from-2.sealed"):
        path.unlink()
    assert mirror.update() == (told.KEPT, reasons.ARBITRARY)
    assert mirror.version == 2
    contents = [packing.pack(offered(number).content) for number in (1, 2, 3)]
    assert not any(
        each[40:80] in path.read_bytes() for path in served.rglob("*.sealed") for each in contents
    )


def test_timestamp(mirror, ring, tmp_path):
    """It can withhold for as long as it likes and run ahead; not change anything."""
    thief = mirror.stolen(tmp_path, "timestamp")
    mirror.sign(thief, commits.Change(days=9999))
    assert mirror.update()[0] == told.UNCHANGED
    assert trusted.days_left(trusted.read(mirror.served).timestamp) > 9000
    before = trusted.read(mirror.served)
    before.timestamp.signed.version = 2**31
    commits.commit(mirror.served, before, commits.Change(), thief)
    assert mirror.update()[0] == told.UNCHANGED
    mirror.sign(thief, evil_targets(mirror))
    assert mirror.update()[0] == told.KEPT
    assert mirror.version == 1
    revoke(mirror, ring, "timestamp")


def test_targets(mirror, ring, tmp_path):
    """Alone it can do nothing: no snapshot names what it signs."""
    thief = mirror.stolen(tmp_path, "targets")
    mirror.sign(thief, evil_targets(mirror))
    assert mirror.update() == (told.KEPT, reasons.UNSIGNED)
    assert mirror.version == 1
    revoke(mirror, ring, "targets")


def test_online(mirror, ring, tmp_path):
    """All that sign, without an audience's key: it can offer what was signed, not a model."""
    thief = mirror.stolen(tmp_path, "targets", "snapshot", "timestamp")
    mirror.sign(thief, evil_targets(mirror))
    assert mirror.update() == (told.KEPT, reasons.UNREADABLE)
    assert mirror.version == 1
    withdrawn = channel.Channel("ds_cnn", "stable", (channel.Entry(1, withdrawn=True),))
    draft = drafts.Draft(
        mirror.served, thief, dict(trusted.read(mirror.served).targets.signed.targets)
    )
    draft.put("ds_cnn/stable.json", withdrawn.to_bytes())
    mirror.sign(thief, commits.Change(draft.targets, draft.files))
    mirror.update()
    mirror.sync()
    revoke(mirror, ring, "targets")


def test_everything_online(mirror, ring, tmp_path):
    """With the audience's key too, as on the publishing computer: any model, until revoked."""
    thief = mirror.stolen(tmp_path, "targets", "snapshot", "timestamp", "audience")
    mirror.sign(thief, evil_targets(mirror, wrap_by=thief))
    assert mirror.update()[0] == told.UPDATED
    with mirror.client.using() as model:
        assert model.content == EVIL
    rotation.replace(mirror.honest, ring, "targets", is_stolen=True)
    add(mirror.honest, ring, offered(2))
    add(mirror.honest, ring, offered(3))
    mirror.sync()
    assert mirror.update()[0] == told.UPDATED
    assert mirror.version == 3


def test_root(mirror, ring, tmp_path):
    """One key of three can do nothing."""
    keyids = trusted.read(mirror.served).root.signed.roles["root"].keyids
    thief = mirror.stolen(tmp_path, "targets", "snapshot", "timestamp")
    shutil.copy(ring.folders[0] / f"root-{keyids[0][:16]}.key", thief.folders[0])
    assert rotation.replace(mirror.served, thief, "root", keyids[1], is_stolen=True).missing == 1
    waiting = mirror.served / "root-to-sign.json"
    shutil.copy(waiting, mirror.served / "metadata" / "2.root.json")
    assert mirror.update() == (told.KEPT, reasons.UNSIGNED)
    assert mirror.version == 1


def test_audience(mirror, tmp_path):
    """It can read all models of its audience, and sign nothing."""
    thief = mirror.stolen(tmp_path, "audience")
    found = trusted.read(mirror.served).targets.signed.targets
    assert shelf.model(mirror.served, found, thief, "ds_cnn", 1) == offered(1).content
    mirror.sign(thief, evil_targets(mirror, wrap_by=thief))
    assert mirror.update() == (told.KEPT, reasons.UNSIGNED)
    assert mirror.version == 1


def test_every_row_of_the_page_is_here():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    tests = [name for name in globals() if name.startswith("test_")]
    assert len(rows) == len(tests) - 1
