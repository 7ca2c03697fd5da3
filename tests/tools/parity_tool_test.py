import json
import logging

import pytest
from tfedge_tools import parity

PASSES = [{"name": "prune", "settings": {}}, {"name": "quantize", "settings": {"bits": 8}}]


@pytest.mark.parametrize("name", ["", "model.tflite"])
def test_that_a_release_was_trained_is_said(name, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="absl")
    shipped = tmp_path / name
    parity._say_what_trained(str(shipped), "my.keras")  # nothing is there
    (tmp_path / "recipe.json").write_text(json.dumps({"passes": []}))
    parity._say_what_trained(str(shipped), "my.keras")
    assert caplog.messages == []
    (tmp_path / "recipe.json").write_text(json.dumps({"passes": PASSES}))
    parity._say_what_trained(str(shipped), "my.keras")
    assert caplog.messages == [
        f"{shipped} was trained (prune, quantize), so its weights are others than those of "
        f"my.keras; --recipe={tmp_path / 'recipe.json'} trains the model in the same way before it "
        "is compared"
    ]
