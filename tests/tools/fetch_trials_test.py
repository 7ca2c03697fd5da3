"""The ways to break a fetch, a few tries of each."""

import random

import pytest
from tfedge_tools.benchmarks.fetching import trials

from tfedge.delivery import at_rest

FEW = {"cuts": 12, "crowd": 8, "disk": 8, "flips": 25, "kills": 6}


def test_each_has_a_few_tries_here():
    assert set(FEW) == set(trials.known())


@pytest.mark.parametrize("name", FEW)
def test_nothing_is_lost_mixed_or_fetched_twice(name, tmp_path, monkeypatch):
    monkeypatch.setattr(at_rest, "COST", 1 << 4)
    rows = list(trials.known()[name].run(tmp_path, FEW[name], random.Random(0)))
    assert rows and all(row.tries for row in rows)
    assert [row for row in rows if row.wrong] == []
