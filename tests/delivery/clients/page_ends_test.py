"""What a browser does to a page: ends it anywhere, fills and damages its store, opens it twice."""

import browser_clients
import pytest
from browser_clients import Browser
from fetch_clients import FIRST, SECOND
from repositories import MODEL

from tfedge.delivery import names, serving

pytestmark = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")
DAMAGES = [None, 7, "x", {}, [], {"record": {}}, {"record": {"base": 2}, "bytes": 1}]


@pytest.fixture(name="begun")
def made_begun(node, repository, server):
    """begun() -> an installation that uses version 1; version 2 is there for it."""
    first = Browser(node, server.address, repository)
    assert first.update()["version"] == 1 and first.used() == (1, FIRST)
    repository.publish(2, SECOND, deltas=[1])
    repository.write()

    def begin():
        client = Browser(node, server.address, repository)
        node.ask("copy", store=first.store, to=client.store)
        return client

    return begin


def calls_of_an_update(node, begun):
    client = begun()
    node.ask("faulty", store=client.store)
    assert client.update()["version"] == 2
    return node.ask("count", store=client.store)


def test_each_call_of_the_store_may_fail(node, begun):
    for number in range(1, calls_of_an_update(node, begun) + 1):
        client = begun()
        node.ask("faulty", store=client.store, failsAt=number)
        ended = client.update()
        node.ask("faulty", store=client.store)
        if ended["outcome"] == "kept":
            assert (ended["reason"], ended["version"]) == ("disk", 1), (number, ended)
            assert client.used() == (1, FIRST)
        else:
            assert ended["outcome"] == "updated" and client.used() == (2, SECOND), (number, ended)
        assert client.update()["version"] == 2 and client.used() == (2, SECOND), number


def test_the_page_may_be_closed_at_each_call_of_the_store(node, begun):
    for number in range(1, calls_of_an_update(node, begun) + 1):
        client = begun()
        node.ask("faulty", store=client.store, closesAt=number)
        node.ask("closedWhile", id=client.id, store=client.store)
        after = client.page()
        version = after.used()[0]
        assert version in (1, 2)
        ended = after.update()
        assert ended["outcome"] == ("updated" if version == 1 else "unchanged"), (number, ended)
        assert after.used() == (2, SECOND)
        left = node.ask("keys", store=client.store)
        assert sorted(key for key in left if key[:5] in ("parts", "versi", "turns")) == [
            "versions/1",
            "versions/2",
        ], number


def test_one_page_closed_in_the_first_use_is_no_crash_and_two_are(node, begun):
    client = begun()
    client.update()
    node.ask("closedWhile", id=client.id, store=client.store, uses=True)
    again = client.page()
    node.ask("closedWhile", id=again.id, store=client.store, uses=True)
    third = client.page()
    assert third.used() == (1, FIRST)
    assert third.update()["version"] == 1
    assert third.page(app="2").update()["version"] == 2  # another app tries it again
    other = begun()
    other.update()
    node.ask("closedWhile", id=other.id, store=other.store, uses=True)
    assert other.page().used() == (2, SECOND)
    assert other.page().used() == (2, SECOND)


def test_a_version_that_ends_pages_while_it_is_probed_is_left_alone(node, begun):
    client = begun()
    for _ in range(2):
        client = client.page(probe="never")
        node.ask("closedWhile", id=client.id, store=client.store)
    ended = client.page(probe="never").update()
    assert (ended["version"], ended["reason"]) == (1, "probe"), ended
    assert "each page ended" in ended["cause"]
    assert client.page().update()["outcome"] == "unchanged"


def test_a_probe_that_cannot_run_now_refuses_nothing(begun):
    client = begun()
    ended = client.page(probe="offline").update()
    assert (ended["version"], ended["reason"]) == (1, "offline"), ended
    assert client.update()["version"] == 2


@pytest.mark.parametrize("value", DAMAGES, ids=str)
def test_a_damaged_record_is_replaced(value, node, begun, server):
    client = begun()
    server.faults = serving.read_faults("drop(only='targets/*.sealed')")
    assert client.update()["reason"] == "offline"
    server.faults = ()
    parts = [key for key in node.ask("keys", store=client.store) if key.startswith("parts/")]
    assert parts
    for key in parts:
        node.ask("damage", store=client.store, key=key, value=value)
    assert client.update()["version"] == 2
    assert client.used()[0] == 2
    for key in node.ask("keys", store=client.store):
        node.ask("damage", store=client.store, key=key, value=value)
        ended = client.update()
        assert ended["version"] == 2 and not ended["reason"], (key, ended)
        assert client.used() == (2, SECOND), key
    for key in node.ask("keys", store=client.store):
        node.ask("damage", store=client.store, key=key, value=value)
    ended = client.update()
    assert (ended["outcome"], ended["version"]) == ("updated", 2), ended
    assert client.used() == (2, SECOND)


def test_the_good_one_before_survives_a_version_that_is_fetched_again(node, begun):
    client = begun()
    client.update()
    client.used()
    node.ask("damage", store=client.store, key="versions/2", value=None)
    assert client.update()["outcome"] == "updated"
    assert "versions/1" in node.ask("keys", store=client.store)
    node.ask("damage", store=client.store, key="versions/2", value=None)
    assert client.used() == (1, FIRST)


def test_two_pages_without_locks_do_the_same_once(node, begun, server):
    client = begun()
    others = [client.page() for _ in range(3)]
    server.counted = serving.Counted()
    ended = node.ask("together", ids=[client.id, *(each.id for each in others)])
    assert [each["version"] for each in ended] == [2] * 4
    assert [each["outcome"] for each in ended].count("updated") == 1
    assert len([path for path in server.counted.paths if ".from-1." in path]) == 1
    found = node.ask("usedMeanwhile", id=client.id, others=[each.id for each in others])
    assert found == [2, 1, 1, 1]
    assert client.used() == (2, SECOND)
    assert not [key for key in node.ask("keys", store=client.store) if key.startswith("turns/")]


def test_a_key_in_another_form_is_told_and_is_no_fault_of_the_version(node, repository, server):
    target = repository.signed["targets"].targets[names.sealed(MODEL, 1)]
    keys = target.unrecognized_fields["custom"]["tfedge"]["keys"]
    good, keys["app"] = keys["app"], "no base64!"
    repository.write()
    client = Browser(node, server.address, repository)
    ended = client.update()
    assert (ended["outcome"], ended["reason"]) == ("nothing", "unreadable"), ended
    keys["app"] = good
    repository.write()
    assert client.update()["outcome"] == "updated"
