"""The JavaScript client over the same servers and attacks, by Node.

Its stores are in memory here; `tests/delivery/indexed_store_test.py` has IndexedDB in a browser.
"""

import attacks
import browser_clients
import pytest
from browser_clients import Browser
from fetch_clients import FIRST, SECOND
from repositories import MODEL

from tfedge.delivery import names, rollout, serving

pytestmark = pytest.mark.skipif(browser_clients.NODE is None, reason="Node.js is not here")


@pytest.fixture(name="client")
def made_client(node, repository, server):
    return Browser(node, server.address, repository)


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_it_is_refused_by_name_and_the_last_good_model_is_used(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["outcome"] == "updated"
    before = client.used()
    ended = client.update()
    assert (ended["outcome"], ended["reason"]) == ("kept", attacks.REFUSED[attack]), ended
    assert client.used() == before


@pytest.mark.parametrize("attack", attacks.RECOVERED, ids=lambda each: each.__name__)
def test_after_it_an_honest_version_is_taken(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["version"] == 1
    assert client.update()["version"] == 2
    assert client.used() == (2, attacks.SECOND)


def test_a_difference_is_taken_where_there_is_one(client, server, repository):
    states = client.update()["states"]
    assert states == ["checking", "downloading", "opening", "probing", "switching"]
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    server.counted = serving.Counted()
    assert client.update()["version"] == 2
    assert client.used() == (2, SECOND)
    fetched = [path.partition(".")[2] for path in server.counted.paths if "sealed" in path]
    assert fetched == ["2.from-1.sealed"]
    assert client.update()["outcome"] == "unchanged"


@pytest.mark.parametrize(
    "faults",
    [
        "drop(at=3000, only='targets/*')",
        "drop(at=3000, only='targets/*', times=1), wrong_start(times=2)",
        "drop(at=3000, only='targets/*', times=1), wrong_start(hidden=True, times=1)",
        "drop(at=3000, only='targets/*', times=1), short(by=7, times=3)",
        "drop(at=3000, only='targets/*', times=1), unsatisfiable(times=2)",
        "wrong_etag, drop(at=3000, only='targets/*', times=3)",
        "truncated_gzip(times=2)",
        "flip(bit=40000, times=1, only='targets/*.sealed')",
    ],
)
def test_it_arrives_whole_through_each_fault(faults, client, server, repository):
    server.faults = serving.read_faults(faults)
    ended = client.update()
    assert (ended["outcome"], ended["version"]) == ("updated", 1), ended
    files = sum(path.stat().st_size for path in repository.folder.rglob("*") if path.is_file())
    assert ended["received"] < files + 16_000
    assert client.used() == (1, FIRST)


def test_without_a_network_the_last_good_one_stays(client, server):
    client.update()
    server.faults = serving.read_faults("drop")
    ended = client.update()
    assert (ended["outcome"], ended["version"], ended["reason"]) == ("kept", 1, "offline")
    assert client.used() == (1, FIRST)


def test_what_came_stays_when_a_budget_ends(client, node, server):
    ended = client.update(mostBytes=12_000)
    assert (ended["outcome"], ended["reason"]) == ("nothing", "postponed")
    assert any(key.startswith("parts/") for key in node.ask("keys", store=client.store))
    assert client.update()["version"] == 1
    assert not any(key.startswith("parts/") for key in node.ask("keys", store=client.store))


def test_a_budget_that_is_just_enough_is_enough(client):
    client.update()
    needed = client.update()["received"]
    assert client.update(mostBytes=needed)["outcome"] == "unchanged"
    assert client.update(mostBytes=needed - 1)["reason"] == "postponed"


def test_after_a_crash_at_the_first_use_the_one_before_is_used(client, repository):
    client.update()
    client.used()
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    with pytest.raises(RuntimeError, match="crashed"):
        client.used(fails=True)
    assert client.used() == (1, FIRST)
    assert client.update()["outcome"] == "unchanged"


def test_another_answer_damage_and_withdrawal_end_with_the_one_before(client, node, repository):
    client.update()
    client.used()
    repository.publish(2, SECOND)
    repository.add(names.golden(MODEL, 2), b"golden of another")
    repository.write()
    assert client.update()["reason"] == "probe"
    repository.publish(3, SECOND)
    repository.write()
    assert client.update()["version"] == 3
    assert client.used()[0] == 3
    node.ask("corrupt", store=client.store, key="versions/3")
    assert client.used() == (1, FIRST)
    assert client.update()["outcome"] == "updated"
    repository.offer(3, withdrawn=True).write()
    assert client.update()["version"] == 1
    assert client.used() == (1, FIRST)


def test_who_is_in_a_share_and_which_app_is_new_enough_are_as_in_python(node, server, repository):
    repository.publish(2, SECOND, rollout=3000, min_app="2.10")
    repository.write()
    for number in range(12):
        who = f"phone {number}"
        client = Browser(node, server.address, repository, installation=who, app="2.10.0")
        expected = 2 if rollout.includes(3000, MODEL, 2, who) else 1
        assert client.update()["version"] == expected
        old = Browser(node, server.address, repository, installation=who, app="2.9")
        assert old.update()["version"] == 1


@pytest.mark.parametrize(("year", "outcome"), [(2090, "kept"), (1990, "updated")])
def test_a_wrong_clock_keeps_the_model(year, outcome, node, server, repository, client):
    client.update()
    attacks.honest(repository)
    wrong = Browser(node, server.address, repository, client.store, now=f"{year}-01-01T00:00:00Z")
    ended = wrong.update()
    assert ended["outcome"] == outcome
    assert "2090-01-01 by the clock here" in ended["cause"] or year == 1990


def test_another_key_opens_nothing_and_harms_nothing(node, client, server, repository):
    client.update()
    repository.audience_key = bytes(32)
    other = Browser(node, server.address, repository, client.store)
    ended = other.update()
    assert ended["reason"] == "unreadable"
    assert "this key does not open it" in ended["cause"]
    assert client.used() == (1, FIRST)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"model": "../x"}, "model: '../x' is no name"),
        ({"channel": "Stable"}, "channel: 'Stable' is no name"),
        ({"address": "file:///etc/"}, "http"),
        ({"app": "two"}, "'two' is no version"),
    ],
)
def test_bad_names_are_refused(wrong, words, node, repository):
    with pytest.raises(RuntimeError, match=f"TypeError: .*{words}"):
        Browser(node, repository=repository, **{"address": "http://127.0.0.1/", **wrong})
