"""What the flags stand for, without running anything."""

import json

from absl import flags
from tfedge_pipelines import order_flags


def _order(*arguments):
    values = flags.FlagValues()
    given = order_flags.input_flags(values)
    values(["release.py", *arguments])
    return order_flags.order(given), given


def test_without_flags_it_is_the_embedded_network():
    order, given = _order()
    assert given.is_embedded and order["task"] == "digits"
    assert order["recipe"].startswith("prune(final_sparsity=0.5")


def test_a_recipe_json_alone_names_model_and_data(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"passes": [], "model": "my.keras", "source": "npz:my.npz"}))
    order, given = _order(f"--recipe={path}")
    assert (order["model"], order["task"], order["recipe"]) == ("my.keras", "npz:my.npz", str(path))
    assert not given.is_embedded
    order, _ = _order(f"--recipe={path}", "--model=other.keras", "--data=digits")
    assert (order["model"], order["task"]) == ("other.keras", "digits")
