"""Where the bytes of a packed file go."""

import dataclasses
import math

import numpy as np

from tfedge import packing
from tfedge.packing import container, finding, parts, spans


@dataclasses.dataclass(frozen=True)
class Account:
    """Bytes by part.

    Attributes:
        parts: name -> bytes; they add up to the packed file.
        value_bytes: weights, biases and scales in the file, without those that are computed.
        entropy_bytes: what an ideal coder of their single bytes would take, one table for each
            tensor and none of the tables counted.
    """

    parts: dict[str, int]
    value_bytes: int
    entropy_bytes: float


def of(packed: bytes) -> Account:
    """The account of a packed file.

    Raises:
        BadInput: see `packing.unpack`.
    """
    content = packing.unpack(packed)
    header = container.read_header(packed)
    values, _ = finding.find(content)
    parts = {"header and SHA-256": header.body}
    body = packed[header.body :]
    if header.mode == container.PARTS:
        sizes, place = [], 0
        for _ in range(5):
            size, place = container.read_varint(body, place)
            sizes.append(size)
        plan, skeleton, _, raw, _ = sizes
        parts["sizes"] = place
        parts["plan and tables"] = plan
        parts["file structure, compressed"] = skeleton
        parts["raw planes"] = raw
        parts["coded weights"] = len(packed) - sum(parts.values())
    else:
        parts["the file in one piece"] = len(body)
    return Account(
        parts,
        sum(len(each.data) for each in values),
        sum(_entropy_bytes(each.data) for each in values),
    )


def of_kernel(codes: np.ndarray) -> int:
    """Bytes that a kernel takes in a packed file, with tables of its own.

    Args:
        codes: int8, in the layout of the .tflite.
    """
    data = codes.astype(np.int8).tobytes()
    rows = finding.row_counts(codes.shape, len(data))
    span = spans.shortest(finding.Found(0, data, parts.BYTES, row_counts=rows), ())
    return spans.bytes_in_skeleton(data) if span is None else math.ceil(span.bits / 8)


def _entropy_bytes(data: bytes) -> float:
    counts = np.bincount(np.frombuffer(data, np.uint8))
    counts = counts[counts > 0]
    return float((counts * np.log2(counts.sum() / counts)).sum() / 8)
