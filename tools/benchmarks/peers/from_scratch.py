"""The network that a recipe ends in, with fresh weights: what the recipe has to beat."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfedge_tools.benchmarks.peers import ours
from tfedge_tools.benchmarks.peers import setup as setup_lib

PREFIX = "from scratch: "


def find(name: str, export: str) -> Callable[[setup_lib.Setup], bytes] | None:
    """The peer of "from scratch: RECIPE", None for other names.

    Raises:
        BadInput: a recipe that cannot be read.
    """
    parsed = ours.recipe_of(name, PREFIX)
    return None if parsed is None else lambda setup: _train(setup, parsed, export)


def _train(setup: setup_lib.Setup, recipe: Any, export: str) -> bytes:
    """As many epochs as the recipe has, on its hard labels alone.

    Passes that prepare for an export train as they do in the recipe; all before them only give
    the shapes, and their epochs go to the fresh weights.
    """
    import tfedge
    from tfedge.compress.candidate import Candidate
    from tfedge.compress.recipe import Recipe
    from tfedge.compress.training import finetune

    task = dataclasses.replace(setup.task, batch_size=setup.batch_size).without_holdout()
    passes = ours.equal_training(recipe, setup).passes
    before = [each for each in passes if each.exports is None]
    epochs = sum(getattr(each, "epochs", 0) for each in before)
    shapes = Recipe(tuple(_untrained(each) for each in before)).apply(setup.fresh_model(), task)
    fresh = type(shapes.model).from_config(shapes.model.get_config())
    plan = finetune.Plan(epochs, setup.learning_rate)
    trained, _ = finetune.finetune(Candidate(fresh), task, plan, "from_scratch")
    after = Recipe(tuple(each for each in passes if each.exports is not None))
    return tfedge.to_tflite(after.apply(trained.model, task), export, task)


def _untrained(each: Any) -> Any:
    return dataclasses.replace(each, epochs=0) if getattr(each, "epochs", 0) else each
