"""What a model decides of the space, looked at once."""

import types

import numpy as np
import pytest

from tfedge import cache
from tfedge.compress import keras as k
from tfedge.data.splits import ArraySplit
from tfedge.data.task import Task
from tfedge.search import model_facts, space

layers = k.tf_keras.layers


def _model(branches):
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(8, 3)(image)
    for _ in range(branches):
        x = layers.Add()([x, layers.Conv2D(8, 3, padding="same")(x)])
    return k.tf_keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture
def ready():
    """A model with as many residual branches, as a search has it; opened only where it is read."""
    split = ArraySplit(np.zeros((4, 6, 6, 1), np.float32), np.zeros(4, np.int64))
    task = Task("made", "classification", split, split, split, split)
    return lambda branches: types.SimpleNamespace(
        model=_model(branches), key=f"{branches:064x}", given=types.SimpleNamespace(task=task)
    )


@pytest.mark.parametrize(("branches", "values"), [(1, (0, 1)), (3, (0, 1, 2))])
def test_a_search_drops_as_many_branches_as_there_are(ready, tmp_path, branches, values):
    stages, tried = cache.open_at(tmp_path), space.of(["slim", "quantize"])
    facts = model_facts.found(ready(branches), tried, stages)
    assert facts.searched == {"slim.blocks": values}
    places = 16 * (9 + branches * 9 * 8)  # 16 places, 8 channels
    assert facts.multiply_adds == places * 8 + 8 * 3
    known = types.SimpleNamespace(key=f"{branches:064x}")  # the second time without the model
    assert model_facts.found(known, tried, stages) == facts


def test_without_branches_none_are_an_axis(ready, tmp_path):
    tried = space.of(["slim", "quantize"])
    facts = model_facts.found(ready(0), tried, cache.open_at(tmp_path))
    names = {axis.name for axis in tried.suited(facts.searched).axes}
    assert "slim.reduction" in names and "slim.blocks" not in names
