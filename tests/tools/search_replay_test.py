"""Searches on a table in which every recipe was run."""

import itertools
import math
import pathlib

import pytest
from tfedge_tools.benchmarks import search_replay

FOLDER = pathlib.Path(search_replay.__file__).parent / "replayed"


@pytest.fixture(scope="module")
def table():
    return search_replay._read(FOLDER / "lenet5.json")


def test_tables_hold_each_recipe_untrained_and_trained(table):
    for found in (table, search_replay._read(FOLDER / "digits_cnn.json")):
        lengths = [choice.length for choice in found.trials]
        assert (lengths.count(0.0), lengths.count(1.0)) == (64, 64)


def test_the_area_is_from_the_float_file_and_ten_points_below_it(table):
    (choice, trial) = next(item for item in table.trials.items() if item[0].length)
    width = math.log(table.float_bytes / trial.figures["download"])
    assert table.area([choice]) == pytest.approx(width * (trial.metric - trial.baseline + 0.1))
    untrained = next(each for each in table.trials if not each.length)
    assert table.area([choice, untrained]) == table.area([choice])


def test_a_search_ends_where_nearly_all_of_the_area_is_there(table):
    whole = table.area(list(table.trials))
    trained, looks = search_replay._until(table, search_replay._squash(table, 0), whole)
    order = list(itertools.islice(search_replay._squash(table, 0), trained))
    assert looks == 0 and 20 < trained < 28
    assert table.area(order) >= 0.98 * whole > table.area(order[:-1])


def test_what_is_stored_can_be_read_back(table):
    listing = {
        "float_bytes": table.float_bytes,
        "trials": [search_replay._without_words(each) for each in table.trials.values()],
    }
    assert search_replay._as_lines(listing) == (FOLDER / "lenet5.json").read_text()
