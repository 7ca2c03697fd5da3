"""The ways to break a fetch, a few tries of each, by every client that is here."""

import random

import pytest
from tfedge_tools.benchmarks.fetching import bed, clients, trials
from tfedge_tools.benchmarks.fetching.wire import Cut, Wire

from tfedge.delivery import at_rest

# Cuts are at every 97th byte or so, headers counted.
FEW = {"cuts": 60, "crowd": 8, "disk": 8, "flips": 12, "kills": 6}
HERE = clients.here()


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch):
    monkeypatch.setattr(at_rest, "COST", 1 << 4)


def test_each_has_a_few_tries_here():
    assert set(FEW) == set(trials.known())


@pytest.mark.parametrize("name", FEW)
def test_nothing_is_lost_mixed_or_fetched_twice(name, tmp_path):
    check(name, "python", tmp_path)


OTHERS = {name: each for name, each in HERE.items() if not each.IN_THIS_PROCESS}


@pytest.mark.parametrize("client", OTHERS)
def test_nor_by_clients_in_other_languages(client, tmp_path):
    check("cuts", client, tmp_path)
    check("flips", client, tmp_path)


@pytest.mark.parametrize("client", [name for name, each in OTHERS.items() if each.HAS_FAULTS])
def test_nor_where_what_they_keep_is_full(client, tmp_path):
    check("disk", client, tmp_path)


def check(name, client, tmp_path):
    asked = bed.Asked(tmp_path, FEW[name], random.Random(0), {client: HERE[client]})
    rows = list(trials.known()[name].run(asked))
    assert rows and all(row.tries for row in rows)
    assert [row for row in rows if row.wrong] == []


def test_a_client_that_takes_what_is_cut_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("tfedge.delivery.fetch.web._is_json", lambda _: True)
    asked = bed.Asked(tmp_path, 30, random.Random(0), {"python": HERE["python"]})
    assert next(iter(trials.known()["cuts"].run(asked))).wrong


def test_places_are_spread_evenly(tmp_path):
    asked = bed.Asked(tmp_path, 4, random.Random(0), {})
    found = asked.some(range(400))
    assert [each - found[0] for each in found] == [0, 100, 200, 300]
    assert asked.some("abc") == "abc"


@pytest.mark.parametrize("at", [0, 5, 80, 143, 200])
def test_a_cut_is_at_the_byte_of_the_answer_and_happens_once(at, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 500)
    wire = Wire(tmp_path)
    asked = b"GET /file HTTP/1.1\r\nHost: here\r\n\r\n"
    whole = wire.answer(asked)
    wire.forget(Cut("file", at))
    assert wire.answer(asked) == whole[:at]
    assert wire.answer(asked) == whole
    assert wire.sent["file"] == 500 + max(0, at - whole.index(b"\r\n\r\n") - 4)
    part = wire.answer(asked[:-2] + b"Range: bytes=490-\r\n\r\n")
    assert part.endswith(b"\r\n\r\n" + b"x" * 10)
