"""tfedge's recipes, given the same epochs as the peers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tfedge_tools.benchmarks.peers import setup as setup_lib

from tfedge import errors

PREFIX = "tfedge: "


def find(name: str, export: str) -> Callable[[setup_lib.Setup], bytes] | None:
    """The peer of "tfedge: RECIPE", None for other names.

    Raises:
        BadInput: a recipe that cannot be read.
    """
    parsed = recipe_of(name, PREFIX)
    return None if parsed is None else lambda setup: _compress(setup, parsed, export)


def recipe_of(name: str, prefix: str) -> Any:
    """The recipe behind the prefix of a row's name, None for other names.

    Raises:
        BadInput: a recipe that cannot be read.
    """
    if not name.startswith(prefix):
        return None
    from tfedge.compress import recipe

    return recipe.Recipe.parse(name.removeprefix(prefix))


def shares(epochs: Sequence[int], total: int) -> list[int]:
    """`total` split in the proportions of `epochs`, no part becoming zero (largest remainder).

    Args:
        epochs: of each training pass as its recipe has it, above 0.
        total: epochs there are.

    Raises:
        BadInput: fewer epochs than passes.
    """
    if total < len(epochs):
        cause = f"{len(epochs)} passes train, there are {total} epochs"
        raise errors.BadInput("--epochs", cause, "Give each training pass at least one epoch")
    exact = [(total - len(epochs)) * part / sum(epochs) for part in epochs]
    whole = [int(part) for part in exact]
    remainders = sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])
    over = total - len(epochs) - sum(whole)
    return [1 + whole[i] + (i in remainders[:over]) for i in range(len(exact))]


def _compress(setup: setup_lib.Setup, recipe: Any, export: str) -> bytes:
    import tfedge

    task = dataclasses.replace(setup.task, batch_size=setup.batch_size)
    candidate = equal_training(recipe, setup).apply(setup.fresh_model(), task.without_holdout())
    return tfedge.to_tflite(candidate, export, task.without_holdout())


def equal_training(recipe: Any, setup: setup_lib.Setup) -> Any:
    """The recipe with its epochs scaled to the peers'."""
    passes = list(recipe.passes)
    training = [i for i, each in enumerate(passes) if getattr(each, "epochs", 0)]
    if training:
        parts = shares([passes[i].epochs for i in training], setup.epochs)
        for i, epochs in zip(training, parts, strict=True):
            passes[i] = dataclasses.replace(passes[i], epochs=epochs)
    return dataclasses.replace(recipe, passes=tuple(passes))
