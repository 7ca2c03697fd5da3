"""Kernels of 4 bits, two in a byte, the lower half first.

LiteRT (2.3, measured) unpacks INT4 kernels of CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED once
at the start and computes what it computes with the same codes in INT8; of TRANSPOSE_CONV it refuses
them, so there they stay INT8.
"""

import collections
from typing import Any

import numpy as np
from absl import logging
from ai_edge_litert import schema_py_generated as schema

from tfedge import shown
from tfedge.device.file import operands
from tfedge.export.edits import few_bit_versions
from tfedge.export.tree import operators

LARGEST = 7  # -8 is not used, so that the grid is symmetric
_LARGE = f"as their integers reach beyond {LARGEST}"


def pack(tree: Any) -> None:
    """Stores each kernel of small integers as INT4; outputs stay the same.

    Args:
        tree: with int8 kernels. Those that stay INT8 are named in the log.
    """
    users: dict[int, list[operators.Weighted]] = collections.defaultdict(list)
    for operator in operators.weighted(tree):
        if operator.kind in operands.CHOOSING:  # see `few_bit_rows`
            continue
        tensor = operator.graph.tensors[operator.kernel]
        if operators.type_name(tensor) == "INT8":
            users[id(tensor)].append(operator)
    left: dict[str, list[str]] = {}
    for together in users.values():
        tensor = together[0].graph.tensors[together[0].kernel]
        name = (tensor.name or b"").decode()
        largest = int(np.abs(operators.values(tree, tensor).astype(np.int32)).max(initial=0))
        reason = _obstacle(together)
        if largest > LARGEST:
            left.setdefault(_LARGE, []).append(name)
        elif reason:
            left.setdefault(f"though they have 4 bits: {reason}", []).append(name)
        else:
            _pack_kernel(tree, tensor)
    for why, names in left.items():
        level = logging.INFO if why == _LARGE else logging.WARNING
        logging.log(level, "kernels that stay INT8 %s: %s", why, shown.listed(names))


def _obstacle(users: list[operators.Weighted]) -> str | None:
    """Why LiteRT cannot run a kernel in INT4, or None."""
    for user in users:
        if not few_bit_versions.has(user.kind, "INT4"):
            return f"LiteRT has no {user.kind} of INT4 kernels"
        ends = {operators.type_name(user.graph.tensors[end]) for end in (user.input, user.output)}
        if ends != {"INT8"}:
            return f"the activations of {user.kind} are {' and '.join(sorted(ends))}"
    return None


def _pack_kernel(tree: Any, tensor: Any) -> None:
    codes = operators.values(tree, tensor)
    tensor.type = schema.TensorType.INT4
    operators.set_values(tree, tensor, codes)
