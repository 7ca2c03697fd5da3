"""Ranks by validation: cut where it costs least, as long as the metric stays within a tolerance.

Nothing is trained here and no layer is split: a kernel is replaced by the product of its
factors, which gives the same outputs.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from absl import logging

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.factors.ranks import Option
from tfedge.compress.layers import kernels
from tfedge.compress.training import validation
from tfedge.data.task import Task


def choose(
    model: k.Model,
    task: Task,
    ladders: Mapping[str, Sequence[Option]],
    before: Mapping[str, int],
    tolerance: float,
) -> dict[str, Option]:
    """The options to take, greedily: the most multiply-adds for the least loss first.

    Args:
        model: flat tf_keras model; it is not changed.
        task: its validation split is read.
        ladders: layer -> its options, from dear to cheap.
        before: layer -> its multiply-adds as it is.
        tolerance: loss of the metric of all cuts together, in its own units, before training.

    Returns:
        Layer -> option, for the layers to cut.
    """
    trial = _Trial(graph.rebuild(model), task, ladders)
    whole = trial.score()
    losses = {layer: trial.losses(layer, whole, tolerance) for layer in ladders}
    taken: dict[str, int] = {}
    open_layers = {layer for layer, found in losses.items() if found}
    while open_layers:
        layer = max(sorted(open_layers), key=_worth(losses, ladders, before, taken, tolerance))
        step = taken.get(layer, -1) + 1
        trial.put(layer, step)
        if whole - trial.score() <= tolerance:
            taken[layer] = step
        else:
            trial.put(layer, taken.get(layer, -1))
            open_layers.discard(layer)
        if step + 1 >= len(losses[layer]):
            open_layers.discard(layer)
    logging.info("validation: %d of %d layers are cut", len(taken), len(ladders))
    return {layer: ladders[layer][step] for layer, step in taken.items()}


def _worth(
    losses: Mapping[str, Sequence[float]],
    ladders: Mapping[str, Sequence[Option]],
    before: Mapping[str, int],
    taken: Mapping[str, int],
    tolerance: float,
) -> Callable[[str], float]:
    """Layer -> multiply-adds that its next step saves, per loss it had alone."""
    least = max(tolerance, 1e-6) / (10 * len(ladders))  # a loss of 0 is not infinitely good

    def worth(layer: str) -> float:
        step = taken.get(layer, -1)
        now = before[layer] if step < 0 else ladders[layer][step].multiply_adds
        known = 0.0 if step < 0 else losses[layer][step]
        saved = now - ladders[layer][step + 1].multiply_adds
        return saved / (max(losses[layer][step + 1] - known, 0.0) + least)

    return worth


class _Trial:
    """A model whose kernels are replaced in place and scored."""

    def __init__(self, model: k.Model, task: Task, ladders: Mapping[str, Sequence[Option]]):
        self._kernels = {kernel.layer: kernel for kernel in kernels.find(model)}
        self._original = {layer: self._kernels[layer].numpy() for layer in ladders}
        self._ladders, self._made = ladders, dict[tuple[str, int], np.ndarray]()
        self.score = validation.scorer(model, task)

    def put(self, layer: str, step: int) -> None:
        """Give a layer the kernel of a step of its ladder, or its own back (-1)."""
        kernel = self._original[layer]
        if step >= 0 and (layer, step) not in self._made:
            option = self._ladders[layer][step]
            self._made[layer, step] = option.way.product(option.way.factors(kernel, option.ranks))
        self._kernels[layer].variable.assign(kernel if step < 0 else self._made[layer, step])

    def losses(self, layer: str, whole: float, tolerance: float) -> list[float]:
        """The loss of each step of a layer alone, down to the last within the tolerance."""
        found: list[float] = []
        for step in range(len(self._ladders[layer])):
            self.put(layer, step)
            lost = whole - self.score()
            if lost > tolerance:
                break
            found.append(lost)
        self.put(layer, -1)
        return found
