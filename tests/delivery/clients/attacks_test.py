"""Each attack is refused by its name, and the last good model is still there."""

import datetime
import errno
import pathlib
import shutil
from unittest import mock

import attacks
import fetch_clients
import pytest
from fetch_clients import FIRST, used
from tuf.ngclient._internal import trusted_metadata_set

from tfedge import errors
from tfedge.delivery import serving
from tfedge.delivery.fetch import reasons, told


@pytest.fixture(name="client")
def made_client(repository, tmp_path):
    with serving.Server(repository.folder) as server:
        yield fetch_clients.of(server.address, repository, tmp_path / "store")


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_it_is_refused_by_name_and_the_last_good_model_is_used(attack, client, repository):
    for _ in attack(repository):
        assert client.update().outcome == told.UPDATED
    before = used(client)
    for _ in range(2):
        ended = client.update()
        assert (ended.outcome, ended.reason) == (told.KEPT, attacks.REFUSED[attack]), str(ended)
        assert used(client) == before


@pytest.mark.parametrize("attack", attacks.RECOVERED, ids=lambda each: each.__name__)
def test_after_it_an_honest_version_is_taken(attack, client, repository):
    for _ in attack(repository):
        assert client.update().version == 1
    assert client.update().version == 2
    assert used(client) == (2, attacks.SECOND)


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_a_new_installation_takes_nothing_of_it(attack, client, repository):
    for _ in attack(repository):
        pass
    ended = client.update()
    if "rollback" in attack.__name__:
        assert ended.version == 1  # who has seen nothing newer cannot know
    else:
        assert (ended.outcome, ended.reason) == (told.NOTHING, attacks.REFUSED[attack]), str(ended)


@pytest.mark.parametrize(("year", "reason"), [(2090, reasons.EXPIRED), (1990, "")])
def test_a_phone_with_a_wrong_clock_keeps_its_model(year, reason, client, repository):
    client.update()
    attacks.honest(repository)
    now = datetime.datetime(year, 1, 1, tzinfo=datetime.UTC)
    clock = mock.Mock(wraps=datetime.datetime, now=lambda _: now)
    with mock.patch.object(trusted_metadata_set.datetime, "datetime", clock):
        ended = client.update()
    assert (ended.version, ended.reason) == ((1, reason) if reason else (2, ""))
    assert "2090-01-01 by the clock here" in ended.cause or not reason


def test_a_full_disk_is_told_and_the_model_stays(client, repository):
    client.update()
    attacks.honest(repository)
    left = shutil.disk_usage("/")._replace(free=1000)
    with mock.patch.object(shutil, "disk_usage", lambda _: left):
        ended = client.update()
    assert (ended.outcome, ended.reason) == (told.KEPT, reasons.DISK)
    assert "1,000 are free" in ended.cause
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch("os.fsync", side_effect=full):
        ended = client.update()
    assert (ended.outcome, ended.reason) == (told.KEPT, reasons.DISK)
    assert used(client) == (1, FIRST)
    assert client.update().version == 2


@pytest.mark.parametrize("name", ["../x", "a/b", "", "%2e%2e", ".hidden"])
def test_names_that_are_paths_are_refused(name, repository, tmp_path):
    with pytest.raises(errors.BadInput, match="expected letters, digits"):
        fetch_clients.of("http://127.0.0.1/", repository, tmp_path / "store", model=name)


STRANGE = ("http://x/\n", "http://[::1/", "http://x:y/", "http://x:99999999/", "http://:80/")


@pytest.mark.parametrize(
    "address", ["file:///etc/", "ftp://x/", "//x", "http://x/?a", "x", *STRANGE]
)
def test_only_web_addresses_are_asked(address, repository, tmp_path):
    with pytest.raises(errors.BadInput, match="expected the http"):
        fetch_clients.of(address, repository, pathlib.Path(tmp_path / "store"))
