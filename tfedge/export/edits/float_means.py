"""Means inside of a part in float are float.

The converter moves DEQUANTIZE behind a mean, since both ends of an integer one have one scale. A
normalization then takes off a mean that is rounded to a step of the whole tensor's range, which
training has not seen (of vit_tiny's first one 1 dB), and reads its input through two DEQUANTIZE.
"""

import collections
from typing import Any

import numpy as np

from tfedge.export.tree import operators


def restore(tree: Any) -> None:
    """A mean that is read in float alone, of what is there in float too, is taken of that."""
    for graph in tree.subgraphs:
        floats = {
            int(each.inputs[0]): each
            for each in graph.operators
            if operators.kind(tree, each) == "DEQUANTIZE"
        }
        readers = collections.Counter(int(i) for each in graph.operators for i in each.inputs)
        for mean in [each for each in graph.operators if operators.kind(tree, each) == "MEAN"]:
            source, output = int(mean.inputs[0]), int(mean.outputs[0])
            is_inside = readers[output] == 1 and output not in graph.outputs
            if source in floats and output in floats and is_inside:
                _move(graph, mean, floats[source], floats[output])


def _move(graph: Any, mean: Any, before: Any, behind: Any) -> None:
    """The mean reads what `before` makes, and makes what `behind` made, which goes."""
    mean.inputs = np.array([int(before.outputs[0]), *map(int, mean.inputs[1:])], np.int32)
    mean.outputs = np.array([int(behind.outputs[0])], np.int32)
    kept = [each for each in graph.operators if each is not mean and each is not behind]
    place = next(number for number, each in enumerate(kept) if each is before) + 1
    graph.operators = [*kept[:place], mean, *kept[place:]]
