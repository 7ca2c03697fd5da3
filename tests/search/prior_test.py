"""What sensitivities add to a space: points whose recipes have rules by layer."""

import pytest

from tfedge.compress.recipe import Recipe
from tfedge.probing.changes import Change
from tfedge.probing.panel import Difference
from tfedge.probing.rows import Row
from tfedge.probing.table import Table
from tfedge.search import prior, space

HALF, FEW = Change("prune", "final_sparsity", 0.5), Change("cluster", "number_of_clusters", 8)
TRIED = space.of(["distill", "prune", "cluster", "quantize"])


@pytest.fixture
def table():
    rows = (
        Row("stem", (HALF,), 300, Difference(None, 10.0, 0.02)),
        Row("stem", (FEW,), 500, Difference(None, 10.0, 0.08)),
        Row("classes", (FEW,), 400, Difference(None, 30.0, 0.01)),
    )
    return Table("net", 64, 2200, {"stem": 1000, "classes": 1000}, rows)


def test_each_harm_is_a_point_whose_recipe_has_rules(table):
    wide, (first, second) = prior.widened(TRIED, table)
    assert wide.axes[4].values == ("", "harm 0.03", "harm 0.12")
    assert str(wide.recipe(first, 1.0)) == (
        'prune(rules={"stem": {"final_sparsity": 0.5}, ".*": None}), '
        'cluster(rules={"classes": {"number_of_clusters": 8}, ".*": None}), quantize()'
    )
    assert wide.values(second) == {
        "distill": False, "prune": True, "cluster": True, "quantize": True,
        "by_layer": "harm 0.12", "quantize.bits": 8,
    }  # fmt: skip
    longer = wide.recipe(second, 3.0)
    assert str(longer) == (
        'cluster(epochs=12, rules={"stem|classes": {"number_of_clusters": 8}}), quantize()'
    )
    assert {each.epochs for each in wide.recipe(second, 0.0).passes} == {0}


def test_settings_mean_something_without_a_budget_alone(table):
    wide, (first, _) = prior.widened(TRIED, table)
    plain = wide.point({"prune": True, "cluster": True, "prune.final_sparsity": 0.7})
    assert wide.values(plain)["by_layer"] == ""
    assert wide.recipe(plain, 1.0).passes[0].final_sparsity == 0.7
    assert plain != first
    assert wide.point({**wide.values(first), "cluster": False}) == wide.point(
        {"prune": True, "quantize": True, "quantize.bits": 8, "prune.final_sparsity": 0.5}
    )
    # Without one of the techniques there is no budget, and the other has its settings.
    for kept, setting, value in (
        ("prune", "prune.final_sparsity", 0.7),
        ("cluster", "cluster.number_of_clusters", 8),
    ):
        alone = wide.point({kept: True, setting: value})
        assert wide.values(alone)[setting] == value
        assert str(wide.recipe(alone, 1.0)).startswith(
            f"{kept}({setting.partition('.')[2]}={value}"
        )
        assert len({wide.values(each).get(setting) for each in wide.beside(alone)}) > 2
    named = Recipe.parse("prune(final_sparsity=0.7), cluster")
    assert wide.values(wide.nearest(named))["prune.final_sparsity"] == 0.7


def test_budgets_are_changed_beside_and_drawn_like_other_settings(table):
    wide, (first, second) = prior.widened(TRIED, table)
    beside = list(wide.beside(first))
    assert second in beside
    taught = wide.point({**wide.values(first), "distill": True})
    assert taught in beside
    assert [each.name for each in wide.recipe(taught, 1.0).passes] == [
        "distill", "prune", "cluster", "quantize",
    ]  # fmt: skip
    assert wide.features(first).shape == wide.features(wide.point({})).shape


@pytest.mark.parametrize("length", [0.0, 0.25, 1.0])
def test_a_trial_that_was_kept_is_the_same_point(table, length):
    wide, points = prior.widened(TRIED, table)
    for each in points:
        assert wide.point(wide.values(each)) == each
        assert Recipe.parse(str(wide.recipe(each, length))) == wide.recipe(each, length)
