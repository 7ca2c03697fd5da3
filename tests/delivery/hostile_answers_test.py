"""The JavaScript client over answers that are no honest ones: it goes on, or says what it was."""

import json
import random

import browser_clients
import hostile_answers as hostile
import pytest
import repositories
from browser_clients import Browser
from fetch_clients import FIRST

pytestmark = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")

GOES_ON = [
    hostile.all_of_it_for_a_part,
    hostile.a_part_without_its_range,
    hostile.parts_in_parts,
    hostile.a_packed_part,
    hostile.no_part_ever,
    hostile.a_range_of_another_unit,
    hostile.packed_by_gzip,
    hostile.no_length,
    hostile.more_without_an_end,
]
ETAGS = ['W/"a"', "", "a", '"' + "x" * 5000 + '"', '"\xe9 \xff"', "*", '"a", "b"', hostile.stamped]
REFUSED = {
    hostile.a_length_that_is_too_long: "arbitrary target",
    hostile.a_length_that_is_too_short: "arbitrary target",
    hostile.zeros_without_an_end: "arbitrary target",
    hostile.not_modified: "offline",
    hostile.no_content: "offline",
    hostile.a_part_that_nobody_asked_for: "offline",
    hostile.round_and_round: "offline",
    hostile.to_nowhere: "offline",
    hostile.come_back_later: "offline",
    hostile.an_endless_timestamp: "endless data",
    hostile.a_timestamp_packed_many_times_over: "endless data",
    hostile.a_timestamp_that_was_not_modified: "offline",
}


@pytest.fixture(scope="module", name="repository")
def made_repository(tmp_path_factory):
    made = repositories.Repository(tmp_path_factory.mktemp("repository"))
    made.publish(1, FIRST)
    return made.write()


def updated(node, repository, rule, **more):
    with hostile.Hostile(repository.folder, rule) as server:
        client = Browser(node, server.address, repository)
        return client, client.update(**more), server.sent


@pytest.mark.parametrize("rule", GOES_ON, ids=lambda each: each.__name__)
def test_the_model_comes_all_the_same(rule, node, repository):
    client, ended, sent = updated(node, repository, rule())
    assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
    assert client.used() == (1, FIRST)
    assert sent < hostile.ENDLESS_BYTES


@pytest.mark.parametrize("etag", ETAGS, ids=range(len(ETAGS)))
def test_no_etag_is_in_the_way(etag, node, repository):
    _, ended, _ = updated(node, repository, hostile.with_etag(etag))
    assert ended["outcome"] == "updated", ended


@pytest.mark.parametrize("rule", REFUSED, ids=lambda each: each.__name__)
def test_nothing_of_it_is_used(rule, node, repository):
    client, ended, sent = updated(node, repository, rule())
    assert (ended["outcome"], ended["reason"]) == ("nothing", REFUSED[rule]), ended
    assert sent < hostile.ENDLESS_BYTES and ended["received"] < 3_000_000
    with pytest.raises(RuntimeError, match="no model is there"):
        client.used()


def test_another_origin_may_have_the_files(node, repository):
    with hostile.Hostile(repository.folder, lambda *_: False) as other:
        _, ended, _ = updated(node, repository, hostile.to_another_server(other.address))
    assert ended["outcome"] == "updated", ended


def test_a_wait_that_is_asked_for_is_kept(node, repository):
    _, ended, _ = updated(node, repository, hostile.once(hostile.come_back_later()))
    assert ended["outcome"] == "updated" and ended["waits"] == [7], ended


def test_a_connection_that_hardly_moves_is_broken(node, repository):
    def drip(handler, _):
        handler.send_endless({}, b"", b"  ")

    _, ended, _ = updated(node, repository, hostile.of_metadata(drip), minutes=1)
    assert ended["reason"] == "offline" and "bytes came in 60 s" in ended["cause"], ended


@pytest.mark.parametrize("made", [hostile.all_of_it_for_a_part, hostile.more_without_an_end])
def test_a_budget_holds_whoever_sends_more_than_was_asked_for(made, node, tmp_path, monkeypatch):
    monkeypatch.setattr(repositories.packing, "pack", lambda content: content)
    large = repositories.Repository(tmp_path)
    large.publish(1, random.Random(1).randbytes(1_000_000))
    large.write()
    _, ended, _ = updated(node, large, made(), mostBytes=300_000)
    assert (ended["outcome"], ended["reason"]) == ("nothing", "postponed")
    assert ended["received"] < 500_000  # with a piece that was under way


@pytest.mark.parametrize(
    "text",
    [
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"signed": null, "signatures": null}',
        b'{"signed": {"_type": "timestamp"}, "signatures": [null]}',
        b'{"signed": {"_type": ["timestamp"]}, "signatures": []}',
        b'{"signatures": {"length": 0}, "signed": {}}',
        b'{"__proto__": {"signed": {}, "signatures": []}}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe",
        b"[" * 8000,
        b"[" * 7000 + b"]" * 7000,
        b'{"signed": {"a": 1.0}}',
    ],
)
def test_hostile_metadata_are_called_damaged(text, node, repository):
    rule = hostile.of_metadata(lambda handler, _: handler.send(200, hostile.sized(text), text))
    _, ended, _ = updated(node, repository, rule)
    assert ended["reason"] == "damaged metadata", ended


def changed(repository, **changes):
    """The timestamp with other fields, not signed anew."""
    told = json.loads(repository.path("timestamp").read_bytes())
    told["signed"].update(changes)
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 1.5},
        {"version": "1"},
        {"version": 2**53},
        {"version": -1},
        {"version": True},
        {"expires": ["2090-01-01T00:00:00Z"]},
        {"expires": "2090-02-30T00:00:00Z"},
        {"expires": "2090-01-01T24:00:00Z"},
        {"meta": None},
        {"meta": []},
        {"meta": {"snapshot.json": None}},
        {"meta": {"snapshot.json": {"version": 1, "hashes": None}}},
        {"meta": {"snapshot.json": {"version": 1, "length": -1}}},
        {"meta": {"__proto__": {"version": 1}}},
        {"spec_version": "2.0.0"},
        {"x": "\ud800"},
    ],
    ids=str,
)
def test_fields_of_the_wrong_kind_are_called_damaged(changes, node, repository):
    text = changed(repository, **changes)
    rule = hostile.of_metadata(lambda handler, _: handler.send(200, hostile.sized(text), text))
    _, ended, _ = updated(node, repository, rule)
    assert ended["reason"] == "damaged metadata", ended
