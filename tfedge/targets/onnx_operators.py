"""Operators of LiteRT that tf2onnx does not know, in those of ONNX; importing this adds them.

GELU: x / 2 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) in the place
of erf; https://arxiv.org/abs/1606.08415.
"""

import math
from typing import Any

import numpy as np
from tf2onnx import handler

_CUBIC = 0.044715


@handler.tfl_op(["TFL_GELU"])
class Gelu:
    """tf2onnx finds `version_9` by its name: Erf is in ONNX from 9 on."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
        """Puts the sum in the place of the node."""
        build = _Build(graph, node)
        graph.remove_node(node.name)
        (x,), shape = node.input, graph.get_shape(node.input[0])
        if node.get_attr_value("approximate", False):
            cubed = build("Mul", build("Mul", x, x), x)
            inner = build("Add", x, build("Mul", cubed, build.number(_CUBIC)))
            bent = build("Tanh", build("Mul", inner, build.number(math.sqrt(2 / math.pi))))
        else:
            bent = build("Erf", build("Mul", x, build.number(math.sqrt(0.5))))
        half = build("Mul", x, build.number(0.5))
        last = [half, build("Add", bent, build.number(1.0))]
        graph.make_node(
            "Mul", last, outputs=node.output, name=node.name, shapes=[shape], dtypes=[build.dtype]
        )


class _Build:
    def __init__(self, graph: Any, node: Any) -> None:
        self._graph, self._name = graph, node.name
        self.dtype = graph.get_dtype(node.input[0])
        self._count = 0

    def __call__(self, kind: str, *inputs: str) -> str:
        return self._graph.make_node(kind, list(inputs), name=self._fresh()).output[0]

    def number(self, value: float) -> str:
        return self._graph.make_const(self._fresh(), np.float32(value)).output[0]

    def _fresh(self) -> str:
        self._count += 1
        return f"{self._name}/{self._count}"
