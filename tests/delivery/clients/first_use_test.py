"""What ends the first use of a version: the version's fault, or nobody's."""

import errno
from concurrent.futures import ThreadPoolExecutor

import browser_clients
import fetch_clients
import pytest
from browser_clients import Browser
from fetch_clients import FIRST, SECOND, used
from kotlin_clients import Phone
from tfedge_tools.benchmarks.apps import kotlin

from tfedge import errors
from tfedge.delivery.fetch import store

NODE = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")
KOTLIN = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")
OF_THE_APP = [OSError(), errors.BadInput("a", "b", "c"), KeyboardInterrupt(), SystemExit(3)]
OF_THE_MODEL = [RuntimeError(), ValueError(), IndexError(), MemoryError()]


@pytest.fixture(name="trying")
def made_trying(server, repository):
    """trying(client, use) -> one that has version 1 for good, and version 2 not yet used."""

    def begin(client, use):
        client.update()
        use()
        repository.publish(2, SECOND)
        repository.write()
        client.update()

    return begin


@pytest.fixture(name="client")
def made_client(server, repository, tmp_path, trying):
    client = fetch_clients.of(server.address, repository, tmp_path / "store")
    trying(client, lambda: used(client))
    return client


@pytest.mark.parametrize("error", OF_THE_APP, ids=repr)
def test_what_an_app_raises_is_not_the_models(error, client):
    for _ in range(2):
        with pytest.raises(type(error)), client.using() as model:
            assert model.version == 2
            raise error
    assert used(client) == (2, SECOND)
    with pytest.raises(RuntimeError), client.using():
        raise RuntimeError  # it was used well once
    assert used(client) == (2, SECOND)


@pytest.mark.parametrize("error", OF_THE_MODEL, ids=repr)
def test_what_an_interpreter_raises_or_leads_to_is(error, client):
    with pytest.raises(type(error)), client.using():
        raise error
    assert used(client) == (1, FIRST)


def test_meanwhile_another_thread_has_the_one_before(client):
    with client.using() as model, ThreadPoolExecutor() as others:
        assert model.version == 2
        assert others.submit(used, client).result() == (1, FIRST)
    assert used(client) == (2, SECOND)


def refusing(monkeypatch, *versions):
    """The disk reads these no more."""
    real = store._read

    def read(path):
        if path.name == "sealed" and int(path.parent.name) in versions:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(store, "_read", read)


def test_one_that_cannot_be_read_now_did_not_crash(client, monkeypatch):
    with monkeypatch.context() as patch:
        refusing(patch, 1, 2)
        with pytest.raises(errors.BadInput, match="no model is there"):
            used(client)
    with monkeypatch.context() as patch:
        refusing(patch, 2)
        with pytest.raises(RuntimeError), client.using() as model:
            assert model.version == 1
            raise RuntimeError  # which is not that of version 2
    assert used(client) == (2, SECOND)


@NODE
@pytest.mark.parametrize("fails", ["aborts", "offline"])
def test_what_a_page_throws_is_not_the_models(fails, node, server, repository, trying):
    client = Browser(node, server.address, repository)
    trying(client, client.used)
    for _ in range(4):
        with pytest.raises(RuntimeError):
            client.used(fails=fails)
    assert client.used() == (2, SECOND)


@KOTLIN
@pytest.mark.parametrize("fails", ["io", "interrupted", "cancelled"])
def test_what_a_phone_throws_is_not_the_models(fails, java, server, repository, tmp_path, trying):
    phone = Phone(java, server.address, repository, tmp_path / "store")
    trying(phone, phone.used)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            phone.used(fails=fails)
    assert phone.used() == (2, SECOND)


@KOTLIN
def test_one_that_a_phone_cannot_read_now_did_not_crash(java, server, repository, tmp_path, trying):
    phone = Phone(java, server.address, repository, tmp_path / "store")
    trying(phone, phone.used)
    path = phone.store / "versions" / "2" / "sealed"
    path.rename(path.with_name("aside"))
    path.mkdir()
    with pytest.raises(RuntimeError, match="crashed"):
        phone.used(fails=True)
    path.rmdir()
    path.with_name("aside").rename(path)
    assert phone.used() == (2, SECOND)


@KOTLIN
def test_a_phone_that_ends_an_update_while_it_tries_a_version_takes_it_later(
    java, server, repository, tmp_path
):
    phone = Phone(java, server.address, repository, tmp_path / "store", probe="is cancelled")
    for _ in range(3):
        assert phone.update()["reason"] == "postponed"
    java.ask("open", **{**phone.opened, "probe": ""})
    assert phone.update()["version"] == 1
