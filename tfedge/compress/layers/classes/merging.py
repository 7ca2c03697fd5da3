"""Sums, products and the like of tensors, value with value."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.layers import facts, flows


class _Pairwise:
    """Called as a merging layer of many inputs is; the last of its layers has that one's name."""

    def __init__(self, layer: k.Layer, most: int):
        names = [*(f"{layer.name}_pair_{number}" for number in range(most - 2)), layer.name]
        config = layer.get_config()
        self._layers = [type(layer).from_config({**config, "name": name}) for name in names]

    def __call__(self, tensors: Any) -> Any:
        merged, *others = k.tf.nest.flatten(tensors)
        for layer, other in zip(self._layers[-len(others) :], others, strict=True):
            merged = layer([merged, other])
        return merged


def _pairs(layer: k.Layer) -> tuple[Any, ...]:
    """LiteRT's operators take two at a time."""
    most = max(len(k.tf.nest.flatten(node.keras_inputs)) for node in layer.inbound_nodes)
    return (_Pairwise(layer, most),) if most > 2 else ()


_SUM, _SAME = facts.Twin(ours="bridge.merging"), facts.Twin()


def _facts(op: str, twin: facts.Twin = _SAME) -> facts.Layer:
    return facts.Layer(op=op, channels=flows.combined, operators=_pairs, has_int8=True, twin=twin)


LAYERS = {
    "Add": _facts("add", _SUM),
    "Maximum": _facts("maximum"),
    "Minimum": _facts("minimum"),
    "Multiply": _facts("multiply"),
    "Subtract": _facts("subtract", _SUM),
    "Average": facts.Layer(channels=flows.combined, twin=_SUM),
}
