"""Versions of operators that read kernels of few bits: a runtime that lacks one refuses the file.

Kernels whose blocks have scales of their own are no version by themselves, and runtimes that do
not know them load the file and answer wrongly. Measured with ai-edge-litert on x86: matrices in
blocks are wrong in 1.2 and from 1.4 to 2.0.3, right from 2.1 on, the first that has FULLY_CONNECTED
14; tables in blocks are zeros up to 1.3, and the next version that came after is 5, of 2.2. One
scale for each row is right in all, down to 1.1.
"""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import operators

# From tflite/tools/versioning/op_version.cc of google-ai-edge/LiteRT.
_BY_TYPE = {
    ("CONV_2D", "INT4"): 7,
    ("DEPTHWISE_CONV_2D", "INT4"): 7,
    ("FULLY_CONNECTED", "INT4"): 10,
    ("EMBEDDING_LOOKUP", "INT4"): 4,
    ("EMBEDDING_LOOKUP", "INT2"): 5,
}
_ROWS_WITH_SCALES = {"EMBEDDING_LOOKUP": 4}
_IN_BLOCKS = {"FULLY_CONNECTED": 14, "EMBEDDING_LOOKUP": 5}


def has(kind: str, type_name: str) -> bool:
    """Whether an operator reads kernels of a type of few bits."""
    return (kind, type_name) in _BY_TYPE


def of(kind: str, type_name: str, *, by_row: bool = False, in_blocks: bool = False) -> int:
    """The first version of an operator that reads a kernel right.

    Args:
        kind: such as FULLY_CONNECTED.
        type_name: of the kernel, such as INT4.
        by_row: whether it has several scales, one for each row.
        in_blocks: whether its blocks have scales of their own.
    """
    return max(
        _BY_TYPE.get((kind, type_name), 1),
        _ROWS_WITH_SCALES.get(kind, 1) if by_row else 1,
        _IN_BLOCKS.get(kind, 1) if in_blocks else 1,
    )


def state(tree: Any) -> None:
    """Writes them into a tree whose kernels are as they will be."""
    for user in operators.weighted(tree):
        kernel = user.graph.tensors[user.kernel]
        said, kind = kernel.quantization, operators.type_name(kernel)
        scales = said.scale if said is not None and said.scale is not None else ()
        version = of(user.kind, kind, by_row=len(scales) > 1, in_blocks=is_in_blocks(kernel))
        code = tree.operatorCodes[user.operator.opcodeIndex]
        code.version = max(code.version, version)


def is_in_blocks(tensor: Any) -> bool:
    """Whether the scales of a tensor are another one's values."""
    said = tensor.quantization
    return said is not None and isinstance(said.details, schema.BlockwiseQuantizationT)
