import pathlib

import pytest

from tfedge.delivery import at_rest, keyring, rotation


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch):
    monkeypatch.setattr(at_rest, "COST", 1 << 4)


@pytest.fixture
def ring(tmp_path):
    return keyring.Keyring([tmp_path / "keys"], lambda folder: b"correct horse")


@pytest.fixture
def repository(tmp_path, ring):
    folder = pathlib.Path(tmp_path / "repository")
    rotation.begin(folder, ring)
    return folder


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    """The Kotlin client, compiled once."""
    import kotlin_clients

    made = kotlin_clients.Java(tmp_path_factory.mktemp("java"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The client of browsers, in Node.js."""
    import browser_clients

    made = browser_clients.Node(tmp_path_factory.mktemp("node"))
    yield made
    made.close()
