"""What every check of data promises. Runs whatever file it finds in tfedge/data/hygiene."""

import json
import pathlib

import numpy as np
import pytest

from tfedge.data import hygiene
from tfedge.data.examined import Examined
from tfedge.data.splits import ArraySplit
from tfedge.data.task import Task

NAMES = sorted(
    path.stem for path in pathlib.Path(hygiene.__file__).parent.glob("*.py") if path.stem[0] != "_"
)

every_check = pytest.mark.parametrize("name", NAMES)


def _split(n, seed):
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = generator.integers(0, 90, (n, 12, 12, 1)) + 100 * y[:, None, None, None]
    return ArraySplit(x.astype(np.uint8), y)


@pytest.fixture
def task():
    """With a held-out example that training nearly saw, and a wrong label."""
    train, held_out = _split(120, 0), _split(60, 1)
    x, y = held_out.x.copy(), held_out.y.copy()
    x[4], y[9] = train.x[6] + 1, 0
    return Task("two", "classification", train, train, _split(40, 2), ArraySplit(x, y))


def test_all_are_found_in_the_order_of_their_places():
    found = hygiene.checks()
    assert sorted(found) == NAMES
    places = [check.place for check in found.values()]
    assert places == sorted(set(places))


@every_check
@pytest.mark.parametrize("roles", [hygiene.ROLES, ("holdout",), ("train",), ()])
def test_what_it_says_is_plain_and_of_examples_there_are(name, task, roles):
    check = hygiene.checks()[name]
    found = check.look(Examined(task, roles))
    assert all("\n" not in line for line in found.warnings)
    assert json.loads(json.dumps(found.rows)) == list(map(dict, found.rows))
    assert all("split" in row for row in found.rows)
    assert bool(check.title) or not found.rows
    for each in found.examples:
        assert found.shown_as and found.worst.count("{}") == 1
        assert all(0 <= index < len(task.splits()[role]) for role, index in each.places)
    assert all(0 <= index < len(task.holdout) for index in found.without)


@every_check
def test_it_does_not_read_splits_that_are_not_asked_for(name, task):
    check = hygiene.checks()[name]
    data = Examined(task.without_holdout(), hygiene.ROLES)
    assert not len(check.look(data).without)


def test_what_was_planted_is_found_by_name(task):
    found = hygiene.examine(task).of_checks
    assert "label_candidates" not in found
    assert found["near_duplicates"].without.tolist() == [4]
    assert hygiene.examine(task).near_duplicates.tolist() == [4]
    closer = hygiene.look_closely(task, ("holdout",)).of_checks
    assert [row["example"] for row in closer["label_candidates"].rows] == [9]
