"""The Kotlin client over the same servers and attacks, compiled and run on Java.

`npm install kotlin-compiler`, and its folder in KOTLIN_COMPILER: the compiler takes 90 MB.
"""

import datetime

import attacks
import fetch_clients
import kotlin_clients
import pytest
from fetch_clients import FIRST, SECOND
from kotlin_clients import Phone
from repositories import MODEL
from tfedge_tools.benchmarks.apps import kotlin

from tfedge.delivery import fetch, names, serving

pytestmark = pytest.mark.skipif(not kotlin.is_here(), reason="KOTLIN_COMPILER names no compiler")


@pytest.fixture(name="client")
def made_client(java, repository, server, tmp_path):
    return Phone(java, server.address, repository, tmp_path / "store")


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_it_is_refused_by_name_and_the_last_good_model_is_used(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["outcome"] == "updated"
    before = client.used()
    for _ in range(2):
        ended = client.update()
        assert (ended["outcome"], ended["reason"]) == ("kept", attacks.REFUSED[attack]), ended
        assert client.used() == before


@pytest.mark.parametrize("attack", attacks.RECOVERED, ids=lambda each: each.__name__)
def test_after_it_an_honest_version_is_taken(attack, client, repository):
    for _ in attack(repository):
        assert client.update()["version"] == 1
    assert client.update()["version"] == 2
    assert client.used() == (2, attacks.SECOND)


@pytest.mark.parametrize("attack", attacks.REFUSED, ids=lambda each: each.__name__)
def test_a_new_installation_takes_nothing_of_it(attack, client, repository):
    for _ in attack(repository):
        pass
    ended = client.update()
    if "rollback" in attack.__name__:
        assert ended["version"] == 1  # who has seen nothing newer cannot know
    else:
        assert (ended["outcome"], ended["reason"]) == ("nothing", attacks.REFUSED[attack]), ended


def test_a_difference_is_taken_where_there_is_one(client, server, repository):
    states = client.update()["states"]
    assert states == ["checking", "downloading", "opening", "probing", "switching"]
    repository.publish(2, SECOND, deltas=[1])
    repository.write()
    server.counted = serving.Counted()
    assert client.update()["version"] == 2
    assert client.used() == (2, SECOND)
    assert [path.partition(".")[2] for path in sealed_of(server)] == ["2.from-1.sealed"]
    assert client.update()["outcome"] == "unchanged"
    repository.publish(3, FIRST, deltas=[2])
    repository.write()
    repository.target_path(names.delta(MODEL, 3, 2)).write_bytes(b"")
    assert client.update()["version"] == 3  # all of it, where the difference is of no use
    assert client.used() == (3, FIRST)


def sealed_of(server):
    return [path for path in server.counted.paths if path.endswith("sealed")]


SCRIPT = (
    ("the first", lambda made: None),
    ("nothing new", lambda made: None),
    ("a difference", lambda made: made.publish(2, SECOND, deltas=[1])),
    ("half of all", lambda made: made.publish(3, FIRST, deltas=[2], rollout=5000)),
    ("a newer app", lambda made: made.publish(4, SECOND, deltas=[3, 2], min_app="9")),
    ("withdrawn", lambda made: made.offer(2, withdrawn=True)),
    ("no difference", lambda made: made.publish(5, SECOND)),
    ("all withdrawn", lambda made: [made.offer(each, withdrawn=True) for each in range(1, 6)]),
)


@pytest.mark.parametrize("who", ["phone 0", "phone 1", "phone 4"])
def test_it_takes_what_python_takes_by_the_same_requests(who, java, server, repository, tmp_path):
    here = fetch.Here(app="2.1", installation=who)
    python = fetch_clients.of(server.address, repository, tmp_path / "python", here=here)
    more = {"app": "2.1", "installation": who}
    phone = Phone(java, server.address, repository, tmp_path / "kotlin", **more)
    for what, publish in SCRIPT:
        publish(repository)
        repository.write()
        server.counted = serving.Counted()
        theirs, asked = python.update(), server.counted.paths
        server.counted = serving.Counted()
        ours = phone.update()
        told = (ours["outcome"], ours["version"], ours["reason"], ours["received"])
        assert told == (theirs.outcome, theirs.version, theirs.reason, theirs.received), what
        assert server.counted.paths == asked, what
        if theirs.version:
            assert phone.used() == fetch_clients.used(python)


def test_after_a_crash_at_the_first_use_the_one_before_is_used(client, java, repository):
    client.update()
    client.used()
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    with pytest.raises(EOFError, match="ended with 9"):
        client.used(ends=True)
    java.start()
    java.ask("open", **client.opened)
    assert client.used() == (1, FIRST)
    assert client.update()["outcome"] == "unchanged"
    repository.publish(3, SECOND)
    repository.write()
    client.update()
    with pytest.raises(RuntimeError, match="crashed"):
        client.used(fails=True)
    assert client.used() == (1, FIRST)


def test_while_one_tries_it_others_have_the_one_before(client, java, repository, tmp_path):
    client.update()
    client.used()
    repository.publish(2, SECOND)
    repository.write()
    client.update()
    with kotlin.process(java.classes, java.folder) as process:
        other = kotlin_clients.Line(process)
        other.ask("open", **client.opened)
        java.ask("begin", id=client.id)
        assert other.ask("used", id=client.id)[0] == 1
        assert java.ask("used", id=client.id)[0] == 1  # another thread
        assert java.ask("end", id=client.id) == 2
        assert other.ask("used", id=client.id)[0] == 2
        process.stdin.close()


def test_one_that_ends_the_app_when_it_is_tried_is_refused_at_the_third_time(
    client, java, server, repository
):
    client.update()
    client.used()
    repository.publish(2, SECOND)
    repository.write()
    fatal = {**client.opened, "probe": "ends"}
    for _ in range(2):
        java.ask("open", **fatal)
        with pytest.raises(EOFError):
            client.update()
        java.start()
    java.ask("open", **fatal)
    ended = client.update()
    assert (ended["outcome"], ended["version"], ended["reason"]) == ("kept", 1, "probe")
    assert "ended 2 times while version 2 was tried" in ended["cause"]
    server.counted = serving.Counted()
    assert client.update()["outcome"] == "unchanged"
    assert sealed_of(server) == []
    newer = Phone(java, server.address, repository, client.store, app="2")
    assert newer.update()["version"] == 2


def test_a_disk_that_fills_up_while_it_is_tried_is_no_fault_of_a_version(
    client, java, server, repository
):
    java.ask("open", **{**client.opened, "probe": "has no room"})
    for _ in range(3):
        ended = client.update()
        assert (ended["outcome"], ended["reason"]) == ("nothing", "disk"), ended
    java.ask("open", **client.opened)
    assert client.update()["outcome"] == "updated"


def test_another_answer_damage_and_withdrawal_end_with_the_one_before(client, repository):
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
    path = client.store / "versions" / "3" / "sealed"
    path.write_bytes(path.read_bytes()[:-1])
    assert client.used() == (1, FIRST)
    assert client.update()["outcome"] == "updated"
    assert client.used() == (3, SECOND)
    repository.offer(3, withdrawn=True).write()
    assert client.update()["version"] == 1
    assert client.used() == (1, FIRST)


def test_nothing_lies_open_on_the_disk_and_nothing_needless_stays(client, repository):
    for version, content in ((1, FIRST), (2, SECOND), (3, FIRST), (4, SECOND)):
        repository.publish(version, content)
        repository.write()
        client.update()
        client.used()
    assert sorted(path.name for path in (client.store / "versions").iterdir()) == ["3", "4"]
    assert list((client.store / "parts").iterdir()) == []
    for path in client.store.rglob("*"):
        assert not path.is_file() or FIRST[5000:5100] not in path.read_bytes()


@pytest.mark.parametrize("name", ["state.json", "installation", "metadata/timestamp.json"])
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", bytes(32), b"[" * 100_000])
def test_a_damaged_file_of_the_store_is_made_anew(name, damage, client):
    client.update()
    (client.store / name).write_bytes(damage)
    assert client.update()["version"] == 1
    assert client.used() == (1, FIRST)


def test_a_full_disk_is_told_and_the_model_stays(client, repository):
    client.update()
    repository.publish(2, SECOND)
    repository.write()
    parts = client.store / "parts"
    parts.rmdir()
    parts.write_bytes(b"")  # nothing can be written below it
    ended = client.update()
    assert (ended["outcome"], ended["version"], ended["reason"]) == ("kept", 1, "disk")
    assert client.used() == (1, FIRST)
    parts.unlink()
    parts.mkdir()
    assert client.update()["version"] == 2


@pytest.mark.parametrize(("year", "outcome"), [(2090, "kept"), (1990, "updated")])
def test_a_wrong_clock_keeps_the_model(year, outcome, java, server, repository, client):
    client.update()
    attacks.honest(repository)
    now = int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) * 1000
    wrong = Phone(java, server.address, repository, client.store, now=now)
    ended = wrong.update()
    assert ended["outcome"] == outcome
    assert "2090-01-01 by the clock here" in ended["cause"] or year == 1990


def test_another_key_opens_nothing_and_harms_nothing(java, client, server, repository):
    client.update()
    repository.audience_key = bytes(32)
    ended = Phone(java, server.address, repository, client.store).update()
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
        ({"app": "\u0663"}, "is no version"),
    ],
)
def test_bad_names_are_refused(wrong, words, java, repository, tmp_path):
    asked = {"address": "http://127.0.0.1/", "store": tmp_path / "store", **wrong}
    with pytest.raises(RuntimeError, match=f"IllegalArgumentException: .*{words}"):
        Phone(java, repository=repository, **asked)


def test_a_folder_of_someone_else_is_left_alone(java, server, repository, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("mine")
    with pytest.raises(RuntimeError, match="is not one of ours"):
        Phone(java, server.address, repository, tmp_path / "store")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["thesis.txt"]
