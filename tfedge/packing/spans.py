"""The shortest way to write the values at one place of a file."""

import dataclasses
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from tfedge.packing import bits, finding, frequencies, parts, planes, words

_SHORT = 1 << 14  # values up to it are deflated to see what they would take in the skeleton
_NAMING_BITS = 20  # about what the gap, the length and the kind take
_LEAST_ZEROS = 0.05
_ALLOWANCE = 16  # bytes: long values that cannot be coded are no work for LZMA either


@dataclasses.dataclass(frozen=True, eq=False)
class Span:
    """Values and how they are written.

    Attributes:
        position: where they begin in the file.
        length: their bytes.
        plan: kind and what belongs to it, before the planes.
        planes: in the order they are read.
        tables: that later planes may use again, the last one last.
    """

    position: int
    length: int
    plan: bits.BitWriter
    planes: tuple[planes.Plane, ...]
    tables: tuple[frequencies.Tables, ...]

    @property
    def bits(self) -> float:
        """What it takes in all."""
        return _NAMING_BITS + len(self.plan) + sum(plane.bits for plane in self.planes)

    @property
    def table_count(self) -> int:
        """How many tables a decoder makes for it."""
        coded = [coded for plane in self.planes for coded in plane.coded]
        return sum(len(each.tables.frequencies) for each in coded)


def shortest(found: finding.Found, earlier: Sequence[frequencies.Tables]) -> Span | None:
    """The span that takes the fewest bits; None where the skeleton is the better place."""
    ways: list[Callable[[finding.Found, _Planes], bits.BitWriter]] = [_plain]
    if found.kind == parts.WORDS:
        ways = [_words, _sparse_words, _codebook]
    options = []
    for way in ways:
        collected = _Planes(earlier)
        try:
            plan = way(found, collected)
        except _NotApplicable:
            continue
        planned, tables = tuple(collected.made), tuple(collected.tables)
        made = Span(found.position, len(found.data), plan, planned, tables)
        options.append(made)
    best = min(options, key=lambda span: span.bits)
    return best if best.bits < 8 * bytes_in_skeleton(found.data) else None


class _NotApplicable(Exception):  # noqa: N818  (says that, nothing is wrong)
    pass


class _Planes:
    """Planes in order, each of which may use the tables of those before it."""

    def __init__(self, earlier: Sequence[frequencies.Tables]):
        self.tables = list(earlier)
        self.made: list[planes.Plane] = []

    def add(self, symbols: np.ndarray, row_counts: tuple[int, ...] = ()) -> None:
        plane = planes.shortest(symbols, self.tables, row_counts)
        self.made.append(plane)
        if plane.single is not None:
            self.tables = [each for each in self.tables if each is not plane.single]
            self.tables.append(plane.single)


def _plain(found: finding.Found, to: _Planes) -> bits.BitWriter:
    data = np.frombuffer(found.data, np.uint8)
    is_nibbles = found.kind == parts.NIBBLES
    to.add(words.nibbles(data) if is_nibbles else data ^ 128, found.row_counts)
    return _start(found.kind)


def _words(found: finding.Found, to: _Planes) -> bits.BitWriter:
    for plane in words.to_planes(found.data, found.width, found.transform):
        to.add(plane)
    return _words_start(found, is_sparse=False)


def _sparse_words(found: finding.Found, to: _Planes) -> bits.BitWriter:
    first, *others = words.to_planes(found.data, found.width, found.transform)
    there = first > 0
    if there.mean() > 1 - _LEAST_ZEROS or any(plane[~there].any() for plane in others):
        raise _NotApplicable
    to.add(first)
    for plane in others:
        to.add(plane[there])
    return _words_start(found, is_sparse=True)


def _codebook(found: finding.Found, to: _Planes) -> bits.BitWriter:
    values = np.frombuffer(found.data, words.TYPES[found.width])
    book, places = np.unique(values, return_inverse=True)
    if len(book) > 256 or 2 * len(book) > len(values):
        raise _NotApplicable
    to.add(places.ravel().astype(np.uint8))
    plan = _start(parts.CODEBOOK, found.width)
    plan.fixed(len(book) - 1, parts.VALUE_BITS)
    for value in book.tolist():
        plan.fixed(value, 8 * found.width)
    return plan


def _start(kind: int, width: int = 0) -> bits.BitWriter:
    plan = bits.BitWriter()
    plan.fixed(kind, parts.KIND_BITS)
    if width:
        plan.fixed(width.bit_length() - 1, parts.WIDTH_BITS)
    return plan


def _words_start(found: finding.Found, is_sparse: bool) -> bits.BitWriter:
    plan = _start(parts.WORDS, found.width)
    plan.fixed(found.transform, parts.TRANSFORM_BITS)
    plan.fixed(int(is_sparse), 1)
    return plan


def bytes_in_skeleton(data: bytes) -> int:
    """About what values take that are not coded by themselves."""
    return len(zlib.compress(data, 9)) if len(data) <= _SHORT else len(data) + _ALLOWANCE
