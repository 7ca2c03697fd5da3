"""Old versions and files go, and no installation is given another version for it."""

import dataclasses
import datetime
import itertools
import random

import pytest
from checking_test import bad, probed
from publishing_test import add, entries, everything, targets

from tfedge.delivery import publishing, rollout, shelf, tidying, trusted
from tfedge.delivery.channel import Channel, Entry

VERSIONS = ("", "1", "1.2", "2", "2.0.1")


def drawn(rng):
    entries = [
        Entry(
            version,
            rng.choice([0, 500, 9999, rollout.WHOLE, rollout.WHOLE]),
            rng.random() < 0.2,
            rng.choice(VERSIONS[:3]),
            rng.choice(VERSIONS[:3]),
        )
        for version in range(1, 9)
    ]
    return Channel("m", "stable", tuple(entries))


def without(offers, versions):
    left = tuple(each for each in offers.entries if each.version not in versions)
    return dataclasses.replace(offers, entries=left)


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_nobody_is_given_another_version_also_after_withdrawals(keep):
    rng, went = random.Random(keep), 0
    for _ in range(60):
        offers = drawn(rng)
        gone = offers.superseded(keep)
        went += len(gone)
        for withdrawn in itertools.combinations(offers.entries, keep - 1):
            now = offers
            for each in withdrawn:
                now = now.having(dataclasses.replace(each, withdrawn=True))
            here = [rng.choice(VERSIONS), rng.choice(VERSIONS), rng.choice([None, 1, 2, 5])]
            chosen = now.choose(str(rng.random()), *here)
            tidied = without(now, gone)
            same = str(rng.random())
            assert tidied.choose(same, *here) == now.choose(same, *here), (now, here, chosen)
        assert not any(each.withdrawn for each in offers.entries if each.version in gone)
    assert went > 5


def test_versions_that_are_withdrawn_or_for_few_replace_none():
    whole, few = Entry(1), Entry(3, 9_999)
    offers = Channel("m", "stable", (whole, Entry(2, withdrawn=True), few))
    assert offers.superseded(1) == set()
    assert offers.having(Entry(4, min_app="1")).superseded(1) == set()
    assert offers.having(Entry(4)).superseded(1) == {1, 3}
    assert offers.having(Entry(4)).superseded(2) == set()


@pytest.fixture
def many(repository, ring):
    for seed in range(1, 7):
        add(repository, ring, probed(seed))
    publishing.withdraw(repository, ring, "ds_cnn", "stable", 2)
    add(repository, ring, probed(3), channel="beta")
    return repository


def later(monkeypatch, days):
    then = trusted.now() + datetime.timedelta(days=days)
    monkeypatch.setattr(trusted, "now", lambda: then)


def test_old_versions_leave_what_is_signed_but_not_the_disk(many, ring):
    before = everything(many)
    done = tidying.tidy(many, ring, keep=2)
    assert (done.versions, done.files) == ((("ds_cnn", 1), ("ds_cnn", 4)), 0)
    assert shelf.all_versions(targets(many)) == [("ds_cnn", each) for each in (2, 3, 5, 6)]
    assert [each.version for each in entries(many)] == [2, 5, 6]
    assert [each.version for each in entries(many, "beta")] == [3]
    assert "ds_cnn/2.from-1.sealed" not in targets(many)
    assert "ds_cnn/6.from-5.sealed" in targets(many)
    assert not bad(many, ring)
    after = everything(many)
    timestamp = trusted.METADATA + "/timestamp.json"
    assert {path for path in before if before[path] != after.get(path)} == {
        each for each in before if str(each) == timestamp
    }
    assert tidying.tidy(many, ring, keep=2) == tidying.Tidied((), 0, 0)
    assert everything(many) == after


def test_after_some_days_files_of_earlier_states_go(many, ring, monkeypatch):
    tidying.tidy(many, ring, keep=2)
    later(monkeypatch, 29)
    assert tidying.tidy(many, ring, keep=2).files == 0
    later(monkeypatch, 2)
    before = everything(many)
    done = tidying.tidy(many, ring, keep=2)
    after = everything(many)
    assert done.files == len(before) - len(after) > 20
    assert done.bytes == sum(map(len, before.values())) - sum(map(len, after.values()))
    names = {str(path).partition(".")[2] for path in after if "ds_cnn" in str(path)}
    assert "1.sealed" not in names
    assert {"2.sealed", "3.golden.npz", "6.from-5.sealed"} <= names
    monkeypatch.undo()
    assert not bad(many, ring)
    add(many, ring, probed(7))
    assert [each.version for each in entries(many)] == [2, 5, 6, 7]


def test_killed_anywhere_it_goes_on(many, ring, monkeypatch):
    tidying.tidy(many, ring, keep=2)
    later(monkeypatch, 31)
    delete, count = tidying._delete, itertools.count()

    def killed(path):
        if next(count) % 3 == 2:
            raise KeyboardInterrupt
        return delete(path)

    monkeypatch.setattr(tidying, "_delete", killed)
    for _ in range(40):
        try:
            tidying.tidy(many, ring, keep=2)
            break
        except KeyboardInterrupt:
            trusted.read(many)
    metadata = sorted(path.name for path in (many / "metadata").iterdir())
    assert len(metadata) == 4, metadata
    assert len(list((many / "targets" / "ds_cnn").iterdir())) == len(targets(many))
