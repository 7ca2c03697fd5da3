"""An installation over good, bad and hostile servers: the last good model is always there."""

import errno
import os

import fetch_clients
import pytest
from fetch_clients import FIRST, SECOND, used
from repositories import MODEL

from tfedge import errors
from tfedge.delivery import fetch, names, serving, writing
from tfedge.delivery.fetch import reasons, told
from tfedge.delivery.fetch.allowance import Allowance
from tfedge.delivery.fetch.state import BEGUN, DONE


@pytest.fixture(name="client")
def made_client(server, repository, tmp_path):
    return fetch_clients.of(server.address, repository, tmp_path / "store")


def test_the_first_version_comes_and_an_unchanged_one_costs_a_timestamp(client, server):
    seen = []
    ended = client.update(progress=seen.append)
    assert (ended.outcome, ended.version, ended.reason) == (told.UPDATED, 1, "")
    assert used(client) == (1, FIRST)
    states = list(dict.fromkeys(each.state for each in seen))
    assert states == ["checking", "downloading", "opening", "probing", "switching"]
    server.counted = serving.Counted()
    assert client.update().outcome == told.UNCHANGED
    assert [path for path in server.counted.paths if "sealed" in path] == []


def test_a_difference_is_taken_where_there_is_one(client, server, repository):
    client.update()
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    server.counted = serving.Counted()
    assert client.update().version == 2
    assert used(client) == (2, SECOND)
    fetched = [path.partition(".")[2] for path in server.counted.paths if "sealed" in path]
    assert fetched == ["2.from-1.sealed"]


def test_all_of_it_is_taken_where_the_difference_is_of_no_use(client, server, repository):
    client.update()
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    repository.target_path(names.delta(MODEL, 2, 1)).write_bytes(b"")
    assert client.update().version == 2
    assert used(client) == (2, SECOND)


def test_without_a_network_the_last_good_one_stays(client, server, repository):
    client.update()
    server.faults = serving.read_faults("drop")
    ended = client.update()
    assert (ended.outcome, ended.version, ended.reason) == (told.KEPT, 1, reasons.OFFLINE)
    assert used(client) == (1, FIRST)


def test_without_any_there_is_nothing_and_it_says_so(client, server):
    server.faults = serving.read_faults("drop")
    ended = client.update()
    assert (ended.outcome, ended.version, ended.reason) == (told.NOTHING, None, reasons.OFFLINE)
    with pytest.raises(errors.BadInput, match="no model is there that can be used"):
        used(client)


def test_one_that_answers_otherwise_is_not_used_and_not_fetched_twice(client, server, repository):
    client.update()
    repository.publish(2, SECOND)
    repository.add(names.golden(MODEL, 2), b"golden of another")
    repository.write()
    ended = client.update()
    assert (ended.outcome, ended.version, ended.reason) == (told.KEPT, 1, reasons.PROBE)
    assert used(client) == (1, FIRST)
    server.counted = serving.Counted()
    assert client.update().outcome == told.UNCHANGED
    assert not [path for path in server.counted.paths if "sealed" in path]


def test_a_newer_app_tries_again_what_did_not_work(client, server, repository, tmp_path):
    failing = fetch_clients.of(server.address, repository, tmp_path / "store", probe=refuse)
    assert failing.update().reason == reasons.PROBE
    assert client.update().reason == reasons.NONE
    newer = fetch_clients.of(
        server.address, repository, tmp_path / "store", here=fetch.Here(app="2")
    )
    assert newer.update().outcome == told.UPDATED


def refuse(content, golden):
    raise reasons.Refused(reasons.PROBE, "SIGSEGV")


def test_after_a_crash_at_the_first_use_the_one_before_is_used(client, repository):
    client.update()
    used(client)
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    with pytest.raises(ZeroDivisionError), client.using() as model:
        assert model.version == 2
        raise ZeroDivisionError
    assert used(client) == (1, FIRST)
    assert client.update().outcome == told.UNCHANGED


def test_a_disk_that_fills_up_during_the_first_use_is_no_crash(client, repository, monkeypatch):
    client.update()
    used(client)
    repository.publish(2, SECOND)
    repository.write()
    client.update()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, client.using() as model:
        assert model.version == 2
        patch.setattr(writing, "put", full)
    assert client.store.state().first_use == BEGUN
    assert used(client) == (2, SECOND)
    assert client.store.state().first_use == DONE


def test_while_one_process_tries_it_others_have_the_one_before(
    client, server, repository, tmp_path
):
    client.update()
    used(client)
    repository.publish(2, SECOND)
    repository.write()
    other = fetch_clients.of(server.address, repository, tmp_path / "store")
    client.update()
    with client.using() as model:
        assert model.version == 2
        pid = os.fork()
        if not pid:
            from tfedge import lock

            lock._held.clear()
            os._exit(used(other)[0])
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert used(other) == (2, SECOND)


def test_what_was_withdrawn_is_not_used_any_more(client, repository):
    client.update()
    used(client)
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    used(client)
    repository.offer(2, withdrawn=True).write()
    assert client.update().version == 1
    assert used(client) == (1, FIRST)
    repository.offer(1, withdrawn=True).write()
    assert client.update().reason == reasons.NONE
    with pytest.raises(errors.BadInput):
        used(client)


def test_a_budget_that_ends_goes_on_where_it_was(client, repository):
    ended = client.update(Allowance(most_bytes=12_000))
    assert (ended.outcome, ended.reason, ended.received) == (
        told.NOTHING,
        reasons.POSTPONED,
        12_000,
    )
    rest = client.update()
    assert rest.version == 1
    assert rest.received < 20_000


def test_a_metered_connection_brings_only_metadata(client):
    ended = client.update(Allowance(is_metered=lambda: True))
    assert ended.reason == reasons.POSTPONED
    assert ended.received < 10_000


def test_a_damaged_version_is_fetched_again_and_until_then_the_one_before_is_used(
    client, repository
):
    client.update()
    used(client)
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    used(client)
    path = client.store.folder / "versions" / "2" / "sealed"
    path.write_bytes(path.read_bytes()[:-1])
    assert used(client) == (1, FIRST)
    assert client.update().outcome == told.UPDATED
    assert used(client) == (2, SECOND)


def test_another_apps_key_opens_nothing_and_harms_nothing(client, server, repository, tmp_path):
    client.update()
    repository.audience_key = bytes(32)
    other = fetch_clients.of(server.address, repository, tmp_path / "store")
    ended = other.update()
    assert ended.reason == reasons.UNREADABLE
    assert "this key does not open it" in ended.cause
    assert used(client) == (1, FIRST)


def test_nothing_lies_open_on_the_disk_and_nothing_needless_stays(client, repository):
    for version, content in ((1, FIRST), (2, SECOND), (3, FIRST), (4, SECOND)):
        repository.publish(version, content)
        repository.write()
        client.update()
        used(client)
    folder = client.store.folder
    assert sorted(os.listdir(folder / "versions")) == ["3", "4"]
    assert os.listdir(folder / "parts") == []
    for path in folder.rglob("*"):
        assert not path.is_file() or FIRST[5000:5100] not in path.read_bytes()


def test_a_folder_of_someone_else_is_left_alone(server, repository, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("mine")
    with pytest.raises(errors.BadInput, match="not one of ours"):
        fetch_clients.of(server.address, repository, tmp_path / "store")


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", bytes(32)])
def test_a_damaged_identifier_is_drawn_anew_and_then_stays(damage, client, tmp_path):
    client.update()
    (tmp_path / "store" / "installation").write_bytes(damage)
    assert client.update().outcome == told.UNCHANGED
    drawn = client.store.installation()
    assert (len(drawn), client.store.installation()) == (32, drawn)


@pytest.mark.parametrize("damage", [None, b"", b"{", b"[]", b'{"current": 1}'])
def test_a_lost_state_loses_no_model_also_without_a_network(
    damage, client, server, repository, tmp_path
):
    client.update()
    used(client)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    client.update()
    used(client)
    path = tmp_path / "store" / "state.json"
    path.unlink() if damage is None else path.write_bytes(damage)
    server.faults = serving.read_faults("drop")
    with pytest.raises(RuntimeError), client.using() as model:
        assert model.version == 2
        raise RuntimeError  # it crashes: it was not known that it does not
    assert used(client) == (1, FIRST)


def test_what_was_withdrawn_leaves_the_disk_and_does_not_come_back(client, repository, tmp_path):
    client.update()
    used(client)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    client.update()
    used(client)
    repository.offer(2, withdrawn=True).write()
    client.update()
    assert [path.name for path in (tmp_path / "store" / "versions").iterdir()] == ["1"]
    (tmp_path / "store" / "state.json").unlink()
    assert used(client) == (1, FIRST)


@pytest.mark.parametrize(("damaged", "left"), [("2", 1), ("1", None)])
def test_without_a_network_a_damaged_version_is_not_told_to_be_used(
    damaged, left, client, server, repository, tmp_path
):
    client.update()
    used(client)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    client.update()
    used(client)
    path = tmp_path / "store" / "versions" / damaged / "sealed"
    path.write_bytes(path.read_bytes()[:-1])
    server.faults = serving.read_faults("drop")
    ended = client.update()
    assert (ended.version, ended.reason) == (left, reasons.OFFLINE)
    assert ended.outcome == (told.KEPT if left else told.NOTHING)
    server.faults = ()
    assert client.update().version == 2
    assert used(client) == (2, SECOND)


@pytest.mark.parametrize("base", [2, 3, 0, -1])
def test_a_difference_from_itself_has_an_end(base, client, repository, tmp_path):
    client.update()
    used(client)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    client.update()
    path = tmp_path / "store" / "versions" / "2" / "version.json"
    path.write_bytes(path.read_bytes().replace(b'"base": 1', b'"base": %d' % base))
    assert used(client) == (1, FIRST)
    assert client.update().version == 2
    assert used(client) == (2, SECOND)
