"""What the flags stand for, without running anything."""

import json

import pytest
from absl import flags
from tfedge_pipelines import order_flags

from tfedge import errors


def _order(*arguments):
    values = flags.FlagValues()
    given = order_flags.input_flags(values)
    values(["release.py", *arguments])
    return order_flags.order(given), given


def test_without_flags_it_is_the_embedded_network():
    order, given = _order()
    assert given.is_embedded and order["task"] == "digits"
    assert order["recipe"] == "embedded"


def test_a_recipe_json_alone_names_model_and_data(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"passes": [], "model": "my.keras", "source": "npz:my.npz"}))
    order, given = _order(f"--recipe={path}")
    assert (order["model"], order["task"], order["recipe"]) == ("my.keras", "npz:my.npz", str(path))
    assert not given.is_embedded
    order, _ = _order(f"--recipe={path}", "--model=other.keras", "--data=digits")
    assert (order["model"], order["task"]) == ("other.keras", "digits")


def test_a_program_that_writes_no_folder_has_no_flags_for_one():
    values = flags.FlagValues()
    given = order_flags.read_flags(values)
    assert not {"output_dir", "packed", "allow_flex", "augment"} & set(values)
    values(["parity.py"])
    assert set(_order()[0]) - set(order_flags.order(given)) == {
        *("augment", "allow_flex", "packed", "cache_dir", "cache_gigabytes")
    }


def test_a_cache_and_its_size_are_named_together():
    order, _ = _order("--cache_dir=there", "--cache_gigabytes=0.5")
    assert (order["cache_dir"], order["cache_gigabytes"]) == ("there", 0.5)
    order, _ = _order()
    assert (order["cache_dir"], order["cache_gigabytes"]) == (None, 10.0)


def test_bad_files_are_skipped_by_an_option_of_the_source_that_is_recorded_with_it(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"passes": [], "model": "my.keras", "source": "images:shots"}))
    order, _ = _order(f"--recipe={path}", "--skip_bad_files")
    assert order["task"] == "images:shots?skip_bad_files=yes"
    with pytest.raises(errors.BadInput, match="digits has no such option"):
        _order("--skip_bad_files")


@pytest.mark.parametrize("key", ["model", "source"])
def test_code_that_a_recipe_json_names_is_run_only_where_it_is_trusted(key, tmp_path):
    path = tmp_path / "recipe.json"
    written = {"passes": [], "model": "my.keras", "source": "digits", key: "py:evil.py:f"}
    path.write_text(json.dumps(written))
    with pytest.raises(errors.BadInput, match=r"py:evil\.py:f.*--trust_recipe"):
        _order(f"--recipe={path}")
    order, _ = _order(f"--recipe={path}", "--trust_recipe")
    assert "py:evil.py:f" in (order["model"], order["task"]) and order["trust_recipe"]
    order, _ = _order("--model=py:mine.py:f", "--data=digits", f"--recipe={path}")
    assert order["model"] == "py:mine.py:f" and not order["trust_recipe"]
