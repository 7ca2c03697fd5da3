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
