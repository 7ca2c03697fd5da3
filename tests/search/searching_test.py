"""With what a search begins, where nothing is run."""

import pytest

from tfedge import errors
from tfedge.search import prior, searching, space


@pytest.fixture
def asked(monkeypatch):
    """What is asked for the sensitivity of layers is written down, and refused."""
    jobs = []

    def probed(ready, stages):
        jobs.append((ready, stages))
        raise errors.BadInput("the layers", "none could be changed", "Leave it.")

    monkeypatch.setattr(prior, "probed", probed)
    return jobs


class _Job:
    ready, stages = "ready", "stages"


def _table(goal, names):
    return searching._table(space.of(names), searching.Question(goal), _Job)


def test_where_layers_cannot_be_probed_the_search_goes_on_without(asked):
    assert _table("download", ["prune", "cluster", "quantize"]) is None
    assert asked == [("ready", "stages")]


@pytest.mark.parametrize(
    ("goal", "names"),
    [("file", ["prune", "cluster"]), ("latency", ["prune", "cluster"]), ("download", ["prune"])],
)
def test_layers_are_probed_only_where_zeros_and_few_values_make_it_smaller(asked, goal, names):
    assert _table(goal, names) is None and not asked
