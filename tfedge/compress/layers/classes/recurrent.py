"""Recurrent layers. Their kernels are not compressed; what they read has one like Dense has it."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.layers import facts

_KERNEL = facts.KernelAxes("kernel", (1,), 0, is_compressed=False)


def _cell(layer: k.Layer, builder: Any) -> dict[str, Any]:
    return {"cell": builder.of(layer.cell)}


def _cells(layer: k.Layer, builder: Any) -> dict[str, Any]:
    return {"cells": [builder.of(cell) for cell in layer.cells]}


LAYERS = {
    "GRU": facts.Layer(kernel=_KERNEL),
    "LSTM": facts.Layer(kernel=_KERNEL, is_one_operator=True),
    "SimpleRNN": facts.Layer(kernel=_KERNEL),
    "RNN": facts.Layer(twin=facts.Twin(inner=_cell)),
    "StackedRNNCells": facts.Layer(twin=facts.Twin(inner=_cells)),
}
