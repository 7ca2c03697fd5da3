"""Which residual branches a model misses least, by what its outputs are without them."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.channels import examples
from tfedge.compress.graph import residual
from tfedge.compress.keras import tf
from tfedge.data.task import Task
from tfedge.errors import BadInput

_MOST = 512  # examples
_BATCH = 128


def least_missed(model: k.Model, sums: Collection[str], count: int, task: Task) -> tuple[str, ...]:
    """The sums whose branches can go, one after the other: always that which is missed least.

    Missed is the squared change of the outputs, in units of their own mean square. (Men et al.
    2024, arXiv:2403.03853, ask once, and how little a block changes what comes into it.)

    Args:
        model: flat tf_keras model.
        sums: those to choose from, of `residual.branches`.
        count: how many, at most all of them.
        task: up to 512 examples of its calibration split are run.
    """
    gated, gates = _with_gates(model)
    change = _change(gated, model, task)
    gone: list[str] = []
    for _ in range(count):
        missed = {}
        for name in set(sums) - set(gone):
            gates[name].assign(0.0)
            missed[name] = change()
            gates[name].assign(1.0)
        least = min(sorted(missed), key=missed.__getitem__)
        gates[least].assign(0.0)
        gone.append(least)
    return tuple(gone)


def check(where: str, count: int, there: int, candidate: Candidate) -> None:
    """Refuse to drop more branches than there are, and what something was promised about.

    Args:
        where: said in the refusal.
        count: how many are to go.
        there: how many may.
        candidate: with its promises.

    Raises:
        BadInput: with what to do.
    """
    if count > there:
        raise BadInput(
            f"{where}(blocks={count})",
            f"the model has {there} residual branches that may go",
            "Ask for fewer." if there else "Leave blocks out.",
        )
    if candidate.holds or candidate.quantization is not None:
        kinds = sorted({hold.kind for hold in candidate.holds}) or ["ranges"]
        raise BadInput(
            f"{where}(blocks={count})",
            f"a branch that goes cannot keep what was promised of it ({', '.join(kinds)})",
            f"Put {where} first.",
        )


def _with_gates(model: k.Model) -> tuple[k.Model, dict[str, Any]]:
    """The model with a factor on each branch, and sum -> factor."""
    from tfedge.compress.channels import gate  # a layer class: defining it loads TensorFlow

    around = residual.branches(model)
    gates = {name: gate.Gate(name=f"{name}_gate") for name in around}

    def before(call: graph.Call, old: Any, new: Any) -> Any:
        is_branch = call.name in gates and old._keras_history.layer.name != around[call.name]
        return gates[call.name](new) if is_branch else new

    made = graph.rebuild(model, before=before)
    return made, {name: each.factor for name, each in gates.items()}


def _change(gated: k.Model, model: k.Model, task: Task) -> Callable[[], float]:
    """Says how far the outputs are from those of the whole model now."""
    run = tf.function(lambda x: tf.nest.flatten(gated(x, training=False)), reduce_retracing=True)
    inputs = examples.first(model, task, _MOST, _BATCH)

    def outputs() -> list[np.ndarray]:
        batches = [[each.numpy() for each in run(x)] for x in inputs]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]

    whole = outputs()
    sizes = [np.square(each).mean() + 1e-12 for each in whole]
    return lambda: float(
        sum(
            np.square(now - was).mean() / size
            for now, was, size in zip(outputs(), whole, sizes, strict=True)
        )
    )
