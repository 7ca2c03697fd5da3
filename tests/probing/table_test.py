"""The table is text, JSON and a page."""

import json

import pytest

from tfedge import errors
from tfedge.compress.recipe import Recipe
from tfedge.probing import plot
from tfedge.probing.table import Table


def test_json_reads_back(table, tmp_path):
    path = tmp_path / "table.json"
    path.write_text(table.as_text())
    assert Table.read(str(path)) == table
    assert json.loads(table.as_text())["schema_version"] == 1


@pytest.mark.parametrize("content", ["[]", "{}", '{"rows": 3}', '{"rows": [{}], "missing": []}'])
def test_other_json_is_refused(content, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(errors.BadInput, match="no such table"):
        Table.read(str(path))


def test_it_shows_the_strongest_of_each_technique(table):
    said = repr(table)
    assert said.startswith("Sensitivity of tiny:")
    assert all(len(line) <= 100 for line in said.splitlines())
    assert "prune(final_sparsity=0.95) saves" in said and "0.3)" not in said
    assert "<table>" in table._repr_html_()


def test_a_budget_of_bytes_or_of_harm(table):
    kept = table.packed_bytes - 900
    budget = table.budget(packed_bytes=kept)
    assert Recipe.parse(budget.recipe).passes[-1].name == "quantize"
    assert "rules" in budget.recipe and budget.saved_bytes >= 900
    assert table.budget(harm=budget.harm).saved_bytes >= budget.saved_bytes
    assert table.budget(harm=0.0).recipe == "quantize"
    pruned = table.budget(packed_bytes=kept, techniques=("prune",))
    assert "cluster" not in pruned.recipe and pruned.harm >= budget.harm


@pytest.mark.parametrize("given", [{}, {"packed_bytes": 9, "harm": 0.1}])
def test_a_budget_is_of_one_thing(table, given):
    with pytest.raises(errors.BadInput, match="one of them"):
        table.budget(**given)


def test_a_budget_that_nothing_reaches_is_refused(table):
    with pytest.raises(errors.BadInput, match="have to go"):
        table.budget(packed_bytes=10)


def test_the_page_has_a_plot_for_each_axis_and_escapes_names(table):
    page = plot.render(table).decode()
    for axis in ("prune.final_sparsity", "cluster.number_of_clusters", "slim.reduction"):
        assert axis in page
    assert "Sensitivity of tiny" in page
