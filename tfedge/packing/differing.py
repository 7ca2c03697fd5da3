"""A .tflite into what is different from an earlier one: see `difference`.

Where both files are laid out alike, as after a second training by the same recipe, everything is
subtracted; else the arrays that come in the same order with the same lengths. Each array is left as
it is where that is shorter. A bias scale can only be computed from scales that were not subtracted,
so both ways are tried.
"""

import dataclasses
import difflib
from collections.abc import Sequence

import numpy as np

from tfedge.packing import difference, encoding, finding, frequencies, parts, spans

_NOWHERE = -1


def encode(new: bytes, base: bytes) -> bytes:
    """The shortest difference; `difference.unpack` gives `new` back.

    Args:
        new: a whole file; what is no .tflite is subtracted if it is as long as `base`.
        base: the earlier file.
    """
    found, products = finding.find(new)
    found, products = found[: parts.MOST_SPANS // 2], products[: parts.MOST_SPANS // 2]
    options = [_encoded(new, base, found, kept) for kept in ([], products)]
    return min(options, key=len)


def _encoded(
    new: bytes, base: bytes, found: Sequence[finding.Found], products: list[parts.Product]
) -> bytes:
    sources = _sources(new, base, found)
    for product in products:
        for position, length in (
            (product.position, product.length),
            (product.others, product.length),
            (product.factor, parts.FLOAT.itemsize),
        ):
            sources[position : position + length] = _NOWHERE
    written: list[spans.Span] = []
    earlier: tuple[frequencies.Tables, ...] = ()
    free = parts.MOST_TABLES
    for each in found:
        place = slice(each.position, each.position + len(each.data))
        subtracted = _subtracted(each, base, sources[place])
        span, is_subtracted = _shorter(each, subtracted, earlier)
        if not is_subtracted:
            sources[place] = _NOWHERE
        if span is not None and span.table_count <= free:
            written.append(span)
            earlier = span.tables
            free -= span.table_count
    left = _less(np.frombuffer(new, np.uint8), base, sources).tobytes()
    return difference.write(_ranges(sources), encoding.assembled(left, written, products), base)


def _sources(new: bytes, base: bytes, found: Sequence[finding.Found]) -> np.ndarray:
    """For each byte, where in the base its fellow is."""
    if len(new) == len(base):
        return np.arange(len(new))
    sources = np.full(len(new), _NOWHERE)
    others, _ = finding.find(base)
    matcher = difflib.SequenceMatcher(None, _forms(found), _forms(others), autojunk=False)
    for block in matcher.get_matching_blocks():
        for number in range(block.size):
            each, other = found[block.a + number], others[block.b + number]
            end = each.position + len(each.data)
            sources[each.position : end] = other.position + np.arange(len(each.data))
    return sources


def _forms(found: Sequence[finding.Found]) -> list[tuple[int, int, int]]:
    return [(each.kind, each.width, len(each.data)) for each in found]


def _subtracted(found: finding.Found, base: bytes, sources: np.ndarray) -> finding.Found | None:
    """The array less its fellow; None where a byte of it has none."""
    if (sources == _NOWHERE).any():
        return None
    data = _less(np.frombuffer(found.data, np.uint8), base, sources).tobytes()
    return dataclasses.replace(found, data=data)


def _shorter(
    found: finding.Found,
    subtracted: finding.Found | None,
    earlier: tuple[frequencies.Tables, ...],
) -> tuple[spans.Span | None, bool]:
    """How an array is coded, and whether it is the subtracted one."""
    plain = spans.shortest(found, earlier)
    if subtracted is None:
        return plain, False
    other = spans.shortest(subtracted, earlier)
    if _bits(subtracted, other) <= _bits(found, plain):
        return other, True
    return plain, False


def _bits(found: finding.Found, span: spans.Span | None) -> float:
    return 8 * spans.bytes_in_skeleton(found.data) if span is None else span.bits


def _less(data: np.ndarray, base: bytes, sources: np.ndarray) -> np.ndarray:
    """uint8 (n,), less the bytes of the base that have a source."""
    there = sources != _NOWHERE
    less = data.copy()
    less[there] -= np.frombuffer(base, np.uint8)[sources[there]]
    return less


def _ranges(sources: np.ndarray) -> difference.Ranges:
    """Runs of bytes whose sources follow one another."""
    there = np.flatnonzero(sources != _NOWHERE)
    if not len(there):
        return []
    broken = (np.diff(there) != 1) | (np.diff(sources[there]) != 1)
    starts = [0, *(np.flatnonzero(broken) + 1).tolist()]
    ends = [*starts[1:], len(there)]
    return [
        (int(there[start]), end - start, int(sources[there[start]]))
        for start, end in zip(starts, ends, strict=True)
    ]
