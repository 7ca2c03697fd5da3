"""Settings of a layer that are objects of one of the two Kerases; see also bridge_layers_test."""

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.bridge import twin_config


def test_a_regularizer_becomes_that_of_the_other_keras():
    given = {"class_name": "L2", "config": {"l2": 0.25}}
    found = twin_config._object("dense", given, k.keras3().regularizers)
    assert isinstance(found, k.keras3().regularizers.L2) and np.isclose(float(found.l2), 0.25)


@pytest.mark.parametrize("given", [{"class_name": "Own", "config": {}}, "L2", "own"])
def test_what_the_other_has_not_is_left_out_and_said(given, caplog):
    with caplog.at_level("INFO", logger="absl"):
        assert twin_config._object("dense", given, k.keras3().regularizers) is None
    name = given["class_name"] if isinstance(given, dict) else given
    assert f"layer 'dense': its {name} is left out" in caplog.text
