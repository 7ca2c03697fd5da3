"""The choice is the best there is, and the recipe says it."""

import itertools

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress.recipe import Recipe
from tfedge.probing import budgets
from tfedge.probing.changes import Change
from tfedge.probing.panel import Difference
from tfedge.probing.rows import Row

LAYERS = ("stem", "block.1", "classes")
HALF, MOST = (Change("prune", "final_sparsity", value) for value in (0.5, 0.9))
FEW = Change("cluster", "number_of_clusters", 4)


def _rows(seed=0):
    random = np.random.default_rng(seed)
    rows = []
    for layer in LAYERS:
        for change, saved in ((HALF, 100), (MOST, 300), (FEW, 200)):
            kl = float(random.uniform(0, saved))
            rows.append(Row(layer, (change,), saved, Difference(1.0, 20.0, kl)))
        rows.append(Row(layer, (HALF, FEW), 250))
        rows.append(Row(layer, (MOST, FEW), 400))
    return rows


def _choices(rows):
    """(bytes, harm) of all there are."""
    alone = {(r.layer, r.changes[0]): r.difference.kl for r in rows if r.difference}
    options = {layer: [(0, 0.0)] for layer in LAYERS}
    for row in rows:
        harm = sum(alone[row.layer, each] for each in row.changes)
        options[row.layer].append((row.saved_bytes, harm))
    for each in itertools.product(*options.values()):
        yield sum(saved for saved, _ in each), sum(harm for _, harm in each)


@pytest.mark.parametrize("wanted", [1, 350, 700, 1199])
def test_no_other_choice_harms_less(wanted):
    for seed in range(3):
        rows = _rows(seed)
        found = budgets.within(rows, ("prune", "cluster"), wanted)
        assert found.saved_bytes >= wanted
        assert [each.layer for each in found.options] == list(LAYERS)
        assert found.harm == pytest.approx(
            min(harm for saved, harm in _choices(rows) if saved >= wanted)
        )


@pytest.mark.parametrize("harm", [0.0, 40.0, 200.0, 1e6])
def test_no_other_choice_saves_more_for_the_harm(harm):
    for seed in range(3):
        rows = _rows(seed)
        found = budgets.smallest(rows, ("prune", "cluster"), harm)
        assert found.harm <= harm
        more = [each for each in _choices(rows) if each[1] <= harm and each[0] > found.saved_bytes]
        assert not more


def test_techniques_that_are_not_asked_for_are_not_used():
    found = budgets.within(_rows(), ("cluster",), 600)
    assert {each.changes for each in found.options} == {(FEW,)}
    with pytest.raises(errors.BadInput, match=r"601 bytes have to go.*saves 600"):
        budgets.within(_rows(), ("cluster",), 601)


def test_the_recipe_names_layers_and_leaves_the_others_alone():
    chosen = (
        budgets.Option("stem", (HALF, FEW)),
        budgets.Option("block.1", (FEW,)),
        budgets.Option("classes"),
    )
    text = budgets.Budget(chosen).recipe
    assert text == (
        'prune(rules={"stem": {"final_sparsity": 0.5}, ".*": None}), '
        'cluster(rules={"stem|block\\\\.1": {"number_of_clusters": 4}, ".*": None}), quantize'
    )
    assert [each.name for each in Recipe.parse(text).passes] == ["prune", "cluster", "quantize"]


def test_bits_by_layer_are_rules_of_the_pass_that_is_there_anyhow():
    four = Change("quantize", "bits", 4)
    chosen = budgets.Option("stem", (four,)), budgets.Option("classes")
    assert budgets.Budget(chosen).recipe == 'quantize(rules={"stem": {"bits": 4}})'
    assert budgets.Budget((budgets.Option("stem"),)).recipe == "quantize"


def test_harm_is_the_divergence_else_the_loss_else_the_noise():
    assert Difference(0.3, 20.0, 0.2).harm == 0.2
    assert Difference(0.3, 20.0, None).harm == 0.3
    assert Difference(-0.3, 20.0, None).harm == 0
    assert Difference(None, 20.0, None).harm == pytest.approx(0.01)
    assert Difference(None, None, None).harm == 0
