import itertools
import json
import shutil
import stat

import pytest
from tuf.ngclient import Updater

from tfedge import errors
from tfedge.delivery import at_rest, commits, holding, keyring, next_root, rotation, trusted


def updated(repository, tmp_path, bootstrap=None):
    """python-tuf's own client, over the files."""

    class Files:
        def download_bytes(self, url, max_length):
            from tuf.api.exceptions import DownloadHTTPError

            try:
                with open(url, "rb") as file:
                    return file.read(max_length)
            except FileNotFoundError:
                raise DownloadHTTPError("none", 404) from None

    first = (repository / trusted.FIRST_ROOT).read_bytes()
    client = tmp_path / "client"
    client.mkdir(exist_ok=True, parents=True)
    updater = Updater(
        str(client),
        f"{repository}/metadata/",
        fetcher=Files(),
        bootstrap=bootstrap or (None if (client / "root.json").exists() else first),
    )
    updater.refresh()
    return json.loads((client / "root.json").read_bytes())["signed"]["version"]


def only(state, role):
    (keyid,) = state.root.signed.roles[role].keyids
    return keyid


def test_a_new_repository_is_what_a_client_of_tuf_takes(repository, tmp_path):
    state = trusted.read(repository)
    assert updated(repository, tmp_path) == 1
    assert state.root.signed.consistent_snapshot
    assert state.root.signed.roles["root"].threshold == 2
    assert len(state.root.signed.roles["root"].keyids) == 3
    assert {key.scheme for key in state.root.signed.keys.values()} == {"ecdsa-sha2-nistp256"}
    assert len(state.root.signed.keys) == 6
    days = {role: round(trusted.days_left(getattr(state, role))) for role in keyring.ROLES}
    assert days == {"root": 365, "targets": 90, "snapshot": 30, "timestamp": 7}


def test_private_keys_are_nobody_elses(repository, tmp_path, ring):
    files = list((tmp_path / "keys").glob("*.key"))
    assert len(files) == 7
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    secret = ring.audience_key("app")
    assert not any(secret in path.read_bytes() for path in files)


def test_a_wrong_passphrase_and_a_renamed_key_open_nothing(repository, tmp_path):
    other = keyring.Keyring([tmp_path / "keys"], lambda folder: b"other")
    with pytest.raises(errors.BadInput, match="passphrase does not open it"):
        other.audience_key("app")
    keyid = only(trusted.read(repository), "timestamp")
    shutil.copy(
        tmp_path / "keys" / f"timestamp-{keyid[:16]}.key",
        tmp_path / "keys" / f"targets-{keyid[:16]}.key",
    )
    ring = keyring.Keyring([tmp_path / "keys"], lambda folder: b"correct horse")
    with pytest.raises(errors.BadInput, match="does not open it"):
        ring.signer("targets", keyid)


def test_a_second_repository_is_not_begun_in_its_place(repository, ring):
    with pytest.raises(errors.BadInput, match="already"):
        rotation.begin(repository, ring)
    with pytest.raises(errors.BadInput, match="4 of 3 keys"):
        rotation.begin(repository / "new", ring, 3, 4)


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
@pytest.mark.parametrize("is_stolen", [False, True])
def test_a_key_is_replaced_and_clients_follow(repository, ring, tmp_path, role, is_stolen):
    updated(repository, tmp_path)
    before = trusted.read(repository)
    outcome = rotation.replace(repository, ring, role, is_stolen=is_stolen)
    after = trusted.read(repository)
    assert (outcome.version, outcome.missing) == (2, 0)
    changed = {each for each in keyring.ROLES[1:] if only(before, each) != only(after, each)}
    assert changed == ({role, "snapshot", "timestamp"} if is_stolen else {role})
    assert {each for each, _ in outcome.retired} == changed
    assert not (repository / next_root.NAME).exists()
    assert updated(repository, tmp_path) == 2


def test_readers_of_the_old_root_believe_what_a_planned_replacement_writes(repository, ring):
    before = trusted.read(repository)
    rotation.replace(repository, ring, "targets", is_stolen=False)
    trusted.read(repository, by=before.root)
    trusted.read(repository)


def test_a_key_that_was_replaced_is_not_taken_again(repository, ring):
    first = only(trusted.read(repository), "timestamp")
    for _ in range(2):
        rotation.replace(repository, ring, "timestamp", is_stolen=True)
        assert only(trusted.read(repository), "timestamp") != first


def test_root_needs_two_of_three_who_may_be_at_two_computers(repository, ring, tmp_path):
    keyids = trusted.read(repository).root.signed.roles["root"].keyids
    sticks = [tmp_path / f"stick{number}" for number in range(3)]
    for stick, keyid in zip(sticks, keyids, strict=True):
        stick.mkdir()
        (tmp_path / "keys" / f"root-{keyid[:16]}.key").rename(stick / f"root-{keyid[:16]}.key")
    one, two = (
        keyring.Keyring([tmp_path / "keys", stick], lambda folder: b"correct horse")
        for stick in sticks[:2]
    )
    assert rotation.replace(repository, one, "targets", is_stolen=False).missing == 1
    assert updated(repository, tmp_path) == 1
    with pytest.raises(errors.BadInput, match="another change of root waits"):
        rotation.renew(repository, one)
    assert rotation.sign(repository, one).missing == 1
    assert rotation.sign(repository, two).missing == 0
    assert updated(repository, tmp_path) == 2
    with pytest.raises(errors.BadInput, match="no root waits"):
        rotation.sign(repository, two)


def test_a_key_of_root_is_replaced_by_its_first_digits(repository, ring, tmp_path):
    updated(repository, tmp_path)
    old = trusted.read(repository).root.signed.roles["root"].keyids[1]
    with pytest.raises(errors.BadInput, match="3 of root's keys begin so"):
        rotation.replace(repository, ring, "root", is_stolen=False)
    rotation.replace(repository, ring, "root", old[:9], is_stolen=False)
    assert old not in trusted.read(repository).root.signed.roles["root"].keyids
    assert updated(repository, tmp_path) == 2


def test_a_client_that_slept_through_two_rotations_follows(repository, ring, tmp_path):
    updated(repository, tmp_path)
    for keyid in trusted.read(repository).root.signed.roles["root"].keyids[:2]:
        rotation.replace(repository, ring, "root", keyid, is_stolen=False)
    assert updated(repository, tmp_path) == 3


def lose(tmp_path, role):
    (path,) = (tmp_path / "keys").glob(f"{role}-*.key")
    path.unlink()
    return keyring.Keyring([tmp_path / "keys"], lambda folder: b"correct horse")


def test_a_lost_key_is_replaced(repository, ring, tmp_path):
    updated(repository, tmp_path)
    ring = lose(tmp_path, "timestamp")
    with holding.held(repository) as state, pytest.raises(errors.BadInput, match="of timestamp"):
        commits.commit(repository, state, commits.Change(), ring)
    rotation.replace(repository, ring, "timestamp", is_stolen=False)
    assert updated(repository, tmp_path) == 2


def test_a_lost_key_whose_replacement_was_killed_is_finished(
    repository, ring, tmp_path, monkeypatch
):
    ring = lose(tmp_path, "timestamp")
    put = commits._put

    def killed(path, metadata):
        if path.name == "2.root.json":
            raise KeyboardInterrupt
        put(path, metadata)

    monkeypatch.setattr(commits, "_put", killed)
    with pytest.raises(KeyboardInterrupt):
        rotation.replace(repository, ring, "timestamp", is_stolen=False)
    monkeypatch.setattr(commits, "_put", put)
    with pytest.raises(errors.BadInput, match="not finished"), holding.held(repository):
        pass
    rotation.replace(repository, ring, "timestamp", is_stolen=False)
    assert updated(repository, tmp_path) == 2
    assert len(list((tmp_path / "keys").glob("timestamp-*"))) == 1


def test_thieves_who_ran_ahead_are_forgotten(repository, ring, tmp_path):
    """Fast-forward: with the keys of snapshot and timestamp, versions go to 2^31."""
    updated(repository, tmp_path)
    served = tmp_path / "mirror"
    shutil.copytree(repository, served)
    state = trusted.read(served)
    state.snapshot.signed.version = state.timestamp.signed.version = 2**31
    commits.commit(served, state, commits.Change(targets=state.targets.signed.targets), ring)
    updated(served, tmp_path)
    with pytest.raises(Exception, match="version"):
        updated(repository, tmp_path)
    rotation.replace(repository, ring, "timestamp", is_stolen=True)
    assert updated(repository, tmp_path) == 2


def test_another_passphrase_that_was_killed_half_way_goes_on(repository, ring, monkeypatch):
    put, folder = at_rest.writing.put, ring.folders[0]
    count = itertools.count()

    def killed(*given, **how):
        if next(count) == 3:
            raise KeyboardInterrupt
        put(*given, **how)

    monkeypatch.setattr(at_rest.writing, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        ring.change_passphrase(b"new")
    assert ring.change_passphrase(b"new") == 7
    other = keyring.Keyring([folder], lambda _: b"new")
    assert other.audience_key("app") == ring.audience_key("app")
    for path in folder.glob("*.key"):
        at_rest.check(path, b"new")
    with pytest.raises(errors.BadInput, match="does not open it"):
        keyring.Keyring([folder], lambda _: b"wrong").change_passphrase(b"other")
    with pytest.raises(errors.BadInput, match="no key is there"):
        keyring.Keyring([folder / "typo"], lambda _: b"new").change_passphrase(b"other")
