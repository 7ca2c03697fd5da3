"""Outputs that are to be floats, where a quantizer has put integers in their place.

It makes a float that integer operators read an integer one, also where it is an output as well.
"""

from typing import Any

import numpy as np

from tfedge.export.tree import operators


def restore(tree: Any) -> None:
    """Puts what was quantized for other operators back among the outputs."""
    graph = tree.subgraphs[0]
    before = {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in graph.operators
        if operators.kind(tree, operator) == "QUANTIZE"
        and operators.type_name(graph.tensors[operator.inputs[0]]) == "FLOAT32"
    }
    outputs = [before.get(int(index), int(index)) for index in graph.outputs]
    graph.outputs = np.array(outputs, np.int32)
    for signature in tree.signatureDefs or ():
        for entry in signature.outputs:
            entry.tensorIndex = before.get(int(entry.tensorIndex), entry.tensorIndex)
