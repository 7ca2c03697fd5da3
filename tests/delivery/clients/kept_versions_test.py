"""What an installation keeps, with a network that ends and a disk that does not read."""

import base64
import dataclasses
import errno

import browser_clients
import fetch_clients
import pytest
import repositories
from browser_clients import Browser
from fetch_clients import FIRST, SECOND
from kotlin_clients import Phone
from repositories import MODEL
from tfedge_tools.benchmarks.apps import kotlin

from tfedge.delivery import names, serving, wrapping
from tfedge.delivery.fetch import store
from tfedge.delivery.fetch.state import DONE, WAITING, State

NODE = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")
KOTLIN = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
ALL = ["Python", pytest.param("JavaScript", marks=NODE), pytest.param("Kotlin", marks=KOTLIN)]
WITH_FOLDERS = [ALL[0], ALL[2]]


class Python:
    """As the other two answer."""

    def __init__(self, address, repository, folder):
        self._client = fetch_clients.of(address, repository, folder)
        self.store = folder

    def update(self):
        return dataclasses.asdict(self._client.update())

    def used(self, fails=False):
        with self._client.using() as model:
            if fails:
                raise RuntimeError("crashed")
            return model.version, model.content


@pytest.fixture(name="opened")
def made_opened(request, server, repository, tmp_path):
    """opened(language) -> an installation that uses version 1."""

    def open_one(language):
        if language == "Python":
            client = Python(server.address, repository, tmp_path / "store")
        elif language == "Kotlin":
            java = request.getfixturevalue("java")
            client = Phone(java, server.address, repository, tmp_path / "store")
        else:
            client = Browser(request.getfixturevalue("node"), server.address, repository)
        assert client.update()["version"] == 1
        assert client.used() == (1, FIRST)
        server.counted = serving.Counted()
        return client

    return open_one


def another(client, address, repository):
    """Another app of the same installation."""
    if isinstance(client, Browser):
        return Browser(client.node, address, repository, client.store)
    if isinstance(client, Phone):
        return Phone(client.java, address, repository, client.store)
    return Python(address, repository, client.store)


def fetched(server):
    return [path.partition(".")[2] for path in server.counted.paths if path.endswith(".sealed")]


@pytest.mark.parametrize("language", ALL)
@pytest.mark.parametrize("moved", ["", ", drop(at=60, times=1, only='targets/*.from-1.*')"])
def test_a_network_that_ends_in_a_difference_is_none(language, moved, opened, server, repository):
    client = opened(language)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    server.faults = serving.read_faults(f"drop(only='targets/*.from-1.*'){moved}")
    ended = client.update()
    assert (ended["outcome"], ended["version"], ended["reason"]) == ("kept", 1, "offline"), ended
    server.faults = ()
    assert client.update()["version"] == 2
    assert set(fetched(server)) == {"2.from-1.sealed"}


@pytest.mark.parametrize("language", ALL)
def test_a_difference_that_the_server_does_not_have_is_no_ended_network(
    language, opened, server, repository
):
    client = opened(language)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    repository.target_path(names.delta(MODEL, 2, 1)).unlink()
    assert client.update()["version"] == 2
    assert fetched(server) == ["2.from-1.sealed", "2.sealed"]


@pytest.mark.parametrize("language", ALL)
def test_no_difference_leads_from_a_later_version(language, opened, server, repository):
    client = opened(language)
    repository.publish(3, SECOND)
    repository.write()
    assert client.update()["version"] == 3
    repository.offer(3, withdrawn=True)
    repository.publish(2, FIRST[::-1], deltas=[3])
    repository.write()
    server.counted = serving.Counted()
    assert client.update()["version"] == 2
    assert fetched(server) == ["2.sealed"]
    assert client.used() == (2, FIRST[::-1])


def test_a_version_that_is_fetched_again_keeps_the_good_one_before():
    again = State(2, 1, DONE).switched(2)
    assert again == State(2, 1, WAITING)
    assert State(2, 1, DONE).switched(1) == State(1, 2, WAITING)
    assert State(2, 1, WAITING).switched(3) == State(3, 1, WAITING)


@pytest.mark.parametrize("language", WITH_FOLDERS)
def test_the_good_one_before_is_there_for_one_that_is_fetched_again(language, opened, repository):
    client = opened(language)
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    client.used()
    path = client.store / "versions" / "2" / "sealed"
    path.write_bytes(path.read_bytes()[:-1])
    assert client.update()["outcome"] == "updated"
    with pytest.raises(RuntimeError, match="crashed"):
        client.used(fails=True)
    assert client.used() == (1, FIRST)


def test_what_the_disk_does_not_read_is_fetched_again(opened, monkeypatch):
    client, real, left = opened("Python"), store._read, [OSError(errno.EIO, "Input/output error")]

    def read(path):
        if path.name == "sealed" and left:
            raise left.pop()
        return real(path)

    monkeypatch.setattr(store, "_read", read)
    assert client.update()["outcome"] == "updated"
    assert client.used() == (1, FIRST)
    assert client.update()["outcome"] == "unchanged"


@KOTLIN
def test_what_a_phone_does_not_read_is_fetched_again(opened):
    client = opened("Kotlin")
    path = client.store / "versions" / "1" / "sealed"
    path.unlink()
    path.mkdir()
    assert client.update()["outcome"] == "updated"
    assert client.used() == (1, FIRST)


@KOTLIN
@pytest.mark.parametrize("base", [2, 3, 0, -1])
def test_a_difference_from_itself_has_an_end_on_a_phone(base, opened, repository):
    client = opened("Kotlin")
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    client.update()
    path = client.store / "versions" / "2" / "version.json"
    path.write_bytes(path.read_bytes().replace(b'"base":1', b'"base":%d' % base))
    assert client.used() == (1, FIRST)
    assert client.update()["version"] == 2
    assert client.used() == (2, SECOND)


@pytest.mark.parametrize("language", WITH_FOLDERS)
def test_a_channel_that_came_spoiled_is_asked_for_again(language, opened, server, repository):
    client = opened(language)
    repository.publish(2, SECOND)
    repository.write()
    server.faults = serving.read_faults("flip(bit=99, times=1, only='targets/*.json')")
    assert client.update()["version"] == 2


@pytest.mark.parametrize("language", ALL)
def test_an_app_with_another_key_gets_what_was_sealed_for_it_since(
    language, opened, server, repository
):
    client = opened(language)
    target, name = repository.signed["targets"].targets, names.sealed(MODEL, 1)
    keys = target[name].unrecognized_fields["custom"]["tfedge"]["keys"]
    content_key = wrapping.unwrap(base64.b64decode(keys["app"]), repository.audience_key, name)
    repository.audience_key = bytes(range(32))
    other = another(client, server.address, repository)
    ended = other.update()
    assert (ended["reason"], fetched(server)) == ("unreadable", []), ended
    assert client.used() == (1, FIRST)
    wrapped = wrapping.wrap(content_key, repository.audience_key, name)
    keys["app"] = base64.b64encode(wrapped).decode()
    repository.write()
    ended = other.update()
    assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
    assert other.used() == (1, FIRST)


@pytest.mark.parametrize("language", ALL)
def test_a_repository_that_was_begun_anew_has_a_first_version_of_its_own(
    language, opened, repository, tmp_path
):
    client = opened(language)
    anew = repositories.Repository(tmp_path / "anew")
    anew.audience_key = repository.audience_key
    anew.publish(1, SECOND)
    anew.write()
    with serving.Server(anew.folder) as server:
        other = another(client, server.address, anew)
        assert other.update()["outcome"] == "updated"
        assert other.used() == (1, SECOND)
        assert other.update()["outcome"] == "unchanged"
