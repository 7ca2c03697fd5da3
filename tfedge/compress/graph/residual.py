"""Residual branches: what is computed of a tensor and then added to it."""

from collections.abc import Collection
from typing import Any

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import operations


def branches(model: k.Model) -> dict[str, str]:
    """Add layer -> the layer whose output goes around a branch into it, unchanged.

    Args:
        model: flat tf_keras model.
    """
    return {name: shortcut for name, (shortcut, _) in _found(model).items()}


def inside(model: k.Model) -> dict[str, frozenset[str]]:
    """Add layer -> the layers of its branch."""
    return {name: within for name, (_, within) in _found(model).items()}


def without(model: k.Model, sums: Collection[str]) -> k.Model:
    """The model with nothing but the way around in place of these branches.

    Args:
        model: flat tf_keras model.
        sums: of `branches`, by the layers that add them.
    """
    around = {name: shortcut for name, shortcut in branches(model).items() if name in sums}
    seen: dict[str, Any] = {}

    def after(call: graph.Call, outputs: Any) -> Any:
        # A branch that is dropped has no reader then, and is not part of the new model.
        outputs = seen[around[call.name]] if call.name in around else outputs
        seen[call.name] = outputs
        return outputs

    def after_input(name: str, tensor: k.Tensor) -> k.Tensor:
        seen[name] = tensor
        return tensor

    return graph.rebuild(graph.rebuild(model, after=after, after_input=after_input))


def _found(model: k.Model) -> dict[str, tuple[str, frozenset[str]]]:
    """Add layer -> the layer whose output goes around, and those that it goes around."""
    behind: dict[str, set[str]] = {}
    found = {}
    outputs = {tensor._keras_history.layer.name for tensor in model.outputs}
    for node in graph.nodes(model):  # a layer used twice, as a tied table is, has two places
        layer, sources = node.layer, _sources(node)
        behind.setdefault(layer.name, set()).update(*(behind[name] for name in sources), sources)
        if layer.name in outputs or len(sources) != 2 or not _adds_alike(node):
            continue
        for shortcut, branch in (sources, sources[::-1]):
            if shortcut in behind[branch] and len(layer.inbound_nodes) == 1:
                within = {branch, *behind[branch]} - {shortcut, *behind[shortcut]}
                found[layer.name] = (shortcut, frozenset(within))
    return found


def _adds_alike(node: Any) -> bool:
    """Whether two tensors of one size are added, by a layer or between layers."""
    shapes = {tuple(tensor.shape) for tensor in tf.nest.flatten(node.keras_inputs)}
    return operations.name(node.layer) == "add" and len(shapes) == 1


def _sources(node: Any) -> list[str]:
    """The layers that one use of a layer reads; of an input none."""
    if node.is_input:
        return []
    return [tensor._keras_history.layer.name for tensor in tf.nest.flatten(node.keras_inputs)]
