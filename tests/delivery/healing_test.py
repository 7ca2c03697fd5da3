"""Whatever lies at a name of the store: an update ends, the model is used, nothing is deleted."""

import os
import shutil

import fetch_clients
import pytest
import repositories
from fetch_clients import FIRST, SECOND, used

from tfedge import errors
from tfedge.delivery import serving

NAMES = (
    *("state.json", "installation", "update.lock", "state.lock", "first_use.lock"),
    *(".state.json.tfedge-part", ".installation.tfedge-part"),
    *("metadata", "metadata/root.json", "metadata/timestamp.json", "metadata/snapshot.json"),
    *("metadata/targets.json", "metadata/root_history", "metadata/root_history/1.root.json"),
    *("metadata/root_history/2.root.json", "parts", "versions"),
    *("versions/1", "versions/1/version.json", "versions/1/sealed", "versions/2", "versions/2.new"),
)


def pipe(path, _):
    os.mkfifo(path)


def folder(path, _):
    path.mkdir()
    (path / "kept").write_text("somebody's")


def link_to_a_folder(path, outside):
    path.symlink_to(outside)


def link_to_a_file(path, outside):
    path.symlink_to(outside / "3" / "kept")


@pytest.fixture(scope="module", name="served")
def served_repository(tmp_path_factory):
    """A server that has version 2, and a store that has version 1."""
    place = tmp_path_factory.mktemp("healing")
    repository = repositories.Repository(place / "repository")
    repository.publish(1, FIRST)
    repository.write()
    with serving.Server(repository.folder) as server:
        client = fetch_clients.of(server.address, repository, place / "store")
        client.update()
        used(client)
        repository.publish(2, SECOND, deltas=[1])
        repository.write()
        yield server, repository, place / "store"


@pytest.fixture(name="made")
def made_installation(served, tmp_path):
    server, repository, store = served
    shutil.copytree(store, tmp_path / "store", symlinks=True)
    return server, repository, tmp_path


@pytest.mark.parametrize("name", [*NAMES, "parts/SHA256"])
@pytest.mark.parametrize("put", [pipe, folder, link_to_a_folder, link_to_a_file])
def test_what_is_in_the_way_is_moved_and_the_update_ends(made, name, put):
    server, repository, tmp_path = made
    outside = tmp_path / "outside"
    (outside / "3").mkdir(parents=True)
    (outside / "3" / "kept").write_text("somebody's")
    delta = repository.signed["targets"].targets["tiny/2.from-1.sealed"].hashes["sha256"]
    path = tmp_path / "store" / name.replace("SHA256", delta)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    put(path, outside)
    client = fetch_clients.of(server.address, repository, tmp_path / "store")
    ended = client.update()
    assert (ended.version, ended.reason) == (2, "")
    assert used(client) == (2, SECOND)
    assert (outside / "3" / "kept").read_text() == "somebody's"
    assert [each.name for each in outside.rglob("*")] == ["3", "kept"]
    if put is folder and name not in ("metadata", "parts", "versions"):
        there = [each.read_text() for each in (tmp_path / "store").rglob("kept")]
        assert there == ["somebody's"] or "root_history" in name or "versions/" in name


@pytest.mark.parametrize("put", [pipe, folder, link_to_a_file])
@pytest.mark.parametrize("name", NAMES)
def test_between_updates_a_use_never_waits(made, name, put):
    server, repository, tmp_path = made
    client = fetch_clients.of(server.address, repository, tmp_path / "store")
    path = tmp_path / "store" / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "kept").touch()
    put(path, tmp_path)
    try:
        assert used(client) == (1, FIRST)
    except errors.BadInput as error:
        assert "no model is there" in error.cause


def test_a_pipe_in_place_of_the_mark_is_no_store_of_ours(tmp_path, made):
    server, repository, _ = made
    (tmp_path / "other").mkdir()
    os.mkfifo(tmp_path / "other" / "made_by_tfedge.txt")
    with pytest.raises(errors.BadInput, match="not one of ours"):
        fetch_clients.of(server.address, repository, tmp_path / "other")
