"""What stands where among the inputs of the operators that have weights.

Positions are those of the built-in kernels: tflite/kernels/*.cc in google-ai-edge/LiteRT.
"""

import dataclasses
from collections.abc import Mapping

# May stand between a stored constant and its operator, and only unpack it: once, before any run.
UNPACKING = ("DEQUANTIZE", "DENSIFY")
# Numbers choose rows of their weight, which is multiplied by nothing.
CHOOSING = ("GATHER", "EMBEDDING_LOOKUP")
# How the names of their types begin; a constant of another type in such a place is an index.
WEIGHT_TYPES = ("FLOAT", "BFLOAT", "INT8", "INT4", "INT2", "INT16", "UINT8", "UINT4")


@dataclasses.dataclass(frozen=True)
class Operands:
    """Positions among an operator's inputs.

    Attributes:
        weights: position of a weight -> axis of its output channels.
        activation: of what the weight is multiplied by, where there is one of each.
        bias: -1 where there is none, or several.
    """

    weights: Mapping[int, int]
    activation: int = 0
    bias: int = -1


BY_KIND = {
    "CONV_2D": Operands({1: 0}, bias=2),
    "DEPTHWISE_CONV_2D": Operands({1: 3}, bias=2),
    "FULLY_CONNECTED": Operands({1: 0}, bias=2),
    "TRANSPOSE_CONV": Operands({1: 0}, activation=2, bias=3),  # its first input is a shape
    "CONV_3D": Operands({1: 4}, bias=2),
    "CONV_3D_TRANSPOSE": Operands({1: 3}, activation=2, bias=3),
    "BATCH_MATMUL": Operands({0: -1, 1: -1}),
    "GATHER": Operands({0: 0}, activation=1),
    "EMBEDDING_LOOKUP": Operands({1: 0}),
    "SVDF": Operands({1: 0, 2: 0}, bias=3),
    "RNN": Operands({1: 0, 2: 0}, bias=3),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Operands({1: 0, 2: 0}, bias=3),
    "LSTM": Operands(dict.fromkeys(range(1, 9), 0)),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Operands(dict.fromkeys(range(1, 9), 0)),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Operands(dict.fromkeys([*range(1, 9), *range(18, 26)], 0)),
}


def weights(kind: str) -> Mapping[int, int]:
    """Position of each weight -> axis of its output channels; empty of kinds without weights."""
    return BY_KIND[kind].weights if kind in BY_KIND else {}
