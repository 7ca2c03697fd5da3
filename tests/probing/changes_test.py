"""What may be varied by layer is read off the passes."""

import pytest

from tfedge import errors
from tfedge.probing import changes
from tfedge.probing.changes import Change


def test_values_are_spread_over_those_of_a_search():
    found = changes.of(["prune", "quantize"], 3)
    assert [str(each) for each in found] == [
        "prune(final_sparsity=0.3)",
        "prune(final_sparsity=0.6)",
        "prune(final_sparsity=0.95)",
        "quantize(bits=4)",
        "quantize(bits=8)",
    ]


def test_a_change_is_an_untrained_pass_with_a_rule():
    change = Change("cluster", "number_of_clusters", 8)
    everywhere, alone = change.everywhere(), change.to(["a.b", "c"])
    assert everywhere.epochs == alone.epochs == 0
    assert everywhere.rules == {".*": {"number_of_clusters": 8}}
    assert alone.rules == {r"a\.b|c": {"number_of_clusters": 8}, ".*": None}


def test_passes_without_a_searched_setting_by_layer_are_refused():
    with pytest.raises(errors.BadInput, match="distill: no setting of it is searched layer by"):
        changes.of(["distill"], 3)
    with pytest.raises(errors.BadInput, match=r"there is no pass 'prun'. Did you mean 'prune'"):
        changes.of(["prun"], 3)
    assert {"prune", "cluster", "quantize", "low_rank", "slim"} <= set(changes.able())
