"""A thief of the targets key signs for hashes that are none: each becomes a part of a path."""

import fetch_clients
import pytest
import repositories
from fetch_clients import FIRST
from repositories import MODEL

from tfedge.delivery import names, serving


@pytest.mark.parametrize("name", [names.sealed(MODEL, 1), names.golden(MODEL, 1)])
@pytest.mark.parametrize("up", [True, False])
def test_no_file_of_somebody_is_touched(up, name, tmp_path):
    repository = repositories.Repository(tmp_path / "repository")
    repository.publish(1, FIRST)
    victim = tmp_path / "thesis"
    victim.write_bytes(b"mine" * 5000)
    target = repository.signed["targets"].targets[name]
    target.hashes = {"sha256": "../../thesis" if up else str(victim)}
    repository.write()
    with serving.Server(repository.folder) as server:
        ended = fetch_clients.of(server.address, repository, tmp_path / "store").update()
    assert victim.read_bytes() == b"mine" * 5000
    assert (ended.outcome, ended.reason) == ("nothing", "unreadable"), str(ended)


@pytest.mark.parametrize("digest", ["AB" * 32, "ab" * 31, "", "ab" * 32 + "\n", "\u0660" * 64])
def test_what_is_no_hash_is_told(digest, tmp_path):
    repository = repositories.Repository(tmp_path / "repository")
    repository.publish(1, FIRST)
    repository.signed["targets"].targets[names.channel(MODEL, "stable")].hashes = {"sha256": digest}
    repository.write()
    with serving.Server(repository.folder) as server:
        ended = fetch_clients.of(server.address, repository, tmp_path / "store").update()
    assert (ended.outcome, ended.reason) == ("nothing", "unreadable"), str(ended)
