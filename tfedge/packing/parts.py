"""Spans of a file that are coded, and the skeleton left of it when they are cut out.

A plan in bits names the spans from the front of the file to its end, each with its gap to the one
before, and how each is coded. Their symbols come from the lanes in the same order. The first bytes
of the squeezed skeleton are what the lanes began with, so the lanes cost nothing.
"""

import dataclasses

import numpy as np

from tfedge.packing import bits, container, frequencies, lanes, words

BYTES, NIBBLES, WORDS, CODEBOOK, PRODUCT = range(5)  # kinds of span
KIND_BITS, WIDTH_BITS, TRANSFORM_BITS, CLASS_BITS, VALUE_BITS = 3, 2, 2, 2, 8
COUNT_ORDER, GAP_ORDER, LENGTH_ORDER, POSITION_ORDER, ROWS_ORDER = 4, 6, 8, 12, 5
MOST_SPANS = 1 << 14
MOST_TABLES = 1 << 14
MOST_STEPS = 1 << 17
MOST_LANES = 1 << 16
FLOAT = np.dtype("<f4")


@dataclasses.dataclass(frozen=True)
class Product:
    """float32 values that are one value times each of others; all places are in the file."""

    position: int
    length: int
    factor: int
    others: int


class RecentLengths:
    """Lengths of spans, each once, the last one first."""

    def __init__(self) -> None:
        self._known: list[int] = []

    def add(self, length: int) -> None:
        """It is the last one now."""
        self._known = [length, *(each for each in self._known if each != length)]

    def place(self, length: int) -> int | None:
        """Where a length is; None where it is new."""
        return self._known.index(length) if length in self._known else None

    def again(self, place: int) -> int:
        """The length at a place, the last one now."""
        length = self._known[place]
        self.add(length)
        return length


def read(body: bytes, size: int, is_long: bool = False) -> bytes:
    """The file of `size` bytes; raises ValueError or IndexError on damage.

    Args:
        body: of a packed file.
        size: of the file.
        is_long: whether the plan is one of earlier versions, with every length and run.
    """
    sizes, place = [], 0
    for _ in range(5):
        value, place = container.read_varint(body, place)
        sizes.append(value)
    plan_bytes, piece_bytes, skeleton_bytes, raw_bytes, lane_count = sizes
    if lane_count > MOST_LANES or skeleton_bytes > size:
        raise ValueError("its sizes make no sense")
    carried = min(2 * lane_count, piece_bytes)
    pieces = []
    for length in (plan_bytes, piece_bytes - carried, raw_bytes, 4 * lane_count):
        if place + length > len(body):
            raise ValueError("it ends early")
        pieces.append(body[place : place + length])
        place += length
    plan, rest, raw, states = pieces
    if (len(body) - place) % 2:
        raise ValueError("it has half a word at its end")
    decoder = lanes.Decoder(np.frombuffer(states, "<u4"), np.frombuffer(body[place:], "<u2"))
    told = bits.BitReader(plan)
    spans = _Spans(told, decoder, raw, lane_count=lane_count, size=size, is_long=is_long)
    spans.read()
    beginnings = decoder.finish().astype("<u2").tobytes()
    skeleton = container.expand(beginnings[:carried] + rest, skeleton_bytes)
    return _assembled(spans, skeleton, size)


class _Spans:
    """Reads the plan: `found` are places and bytes of spans, `products` what follows of them."""

    def __init__(
        self,
        plan: bits.BitReader,
        decoder: lanes.Decoder,
        raw: bytes,
        *,
        lane_count: int,
        size: int,
        is_long: bool,
    ):
        self._plan, self._decoder, self._raw = plan, decoder, raw
        self._size, self._is_long = size, is_long
        self._lanes, self._steps, self._table_count = lane_count, MOST_STEPS, MOST_TABLES
        self._lengths = RecentLengths()
        self._single: list[frequencies.Tables] = []  # those a later plane may use again
        self.found: list[tuple[int, bytes]] = []
        self.products: list[Product] = []

    def read(self) -> None:
        count = self._plan.number(COUNT_ORDER)
        if count > MOST_SPANS:
            raise ValueError(f"it has {count} spans")
        place = 0
        for _ in range(count):
            position = place + self._plan.number(GAP_ORDER)
            length = self._length()
            place = position + length
            if place > self._size:
                raise ValueError("a span lies behind the end of the file")
            self._span(position, length)
        if self._raw:
            raise ValueError("it has raw bytes that belong nowhere")

    def _length(self) -> int:
        """One that was there before, or another."""
        if not self._is_long and self._plan.fixed(1):
            return self._lengths.again(self._plan.number())
        length = self._plan.number(LENGTH_ORDER)
        self._lengths.add(length)
        return length

    def _span(self, position: int, length: int) -> None:
        kind = self._plan.fixed(KIND_BITS)
        if kind == PRODUCT:
            factor = self._plan.number(POSITION_ORDER)
            others = self._plan.number(POSITION_ORDER)
            if max(factor + 4, others + length) > self._size or length % 4:
                raise ValueError("a product's factors lie behind the end of the file")
            self.products.append(Product(position, length, factor, others))
            return
        self.found.append((position, self._content(kind, length)))

    def _content(self, kind: int, length: int) -> bytes:
        if kind == BYTES:
            return (self._plane(length) ^ 128).tobytes()
        if kind == NIBBLES:
            return words.from_nibbles(self._plane(2 * length)).tobytes()
        width = 1 << self._plan.fixed(WIDTH_BITS)
        if length % width or kind not in (WORDS, CODEBOOK):
            raise ValueError("a span is coded in a way that is not known here")
        if kind == WORDS:
            return self._words(length // width, width)
        size = self._plan.fixed(VALUE_BITS) + 1
        values = [self._plan.fixed(8 * width) for _ in range(size)]
        return np.array(values, words.TYPES[width])[self._plane(length // width)].tobytes()

    def _words(self, count: int, width: int) -> bytes:
        transform = self._plan.fixed(TRANSFORM_BITS)
        is_sparse = self._plan.fixed(1)
        planes = [self._plane(count)]
        there = planes[0].nonzero()[0] if is_sparse else slice(None)
        for _ in range(width - 1):
            plane = np.zeros(count, np.uint8)
            plane[there] = self._plane(len(plane[there]))
            planes.append(plane)
        return words.from_planes(planes, transform)

    def _plane(self, count: int) -> np.ndarray:
        """`count` symbols: raw, by tables used before, or by tables of its own."""
        if self._plan.fixed(1):
            if count > len(self._raw):
                raise ValueError("its raw bytes end early")
            plane, self._raw = self._raw[:count], self._raw[count:]
            return np.frombuffer(plane, np.uint8)
        if self._plan.fixed(1):
            return self._symbols(self._again(self._plan.number()), count)
        row_classes = self._plan.fixed(CLASS_BITS) + 1
        column_classes = self._plan.fixed(CLASS_BITS) + 1
        chosen = None
        if row_classes * column_classes > 1:
            chosen = self._classes(count, row_classes, column_classes)
        tables = self._tables(row_classes * column_classes)
        if chosen is None:
            self._single.append(tables)
        return self._symbols(tables, count, chosen)

    def _again(self, back: int) -> frequencies.Tables:
        """A table that was there before, the last one now."""
        tables = self._single[-1 - back]
        if not self._is_long:
            self._single.append(self._single.pop(-1 - back))
        return tables

    def _classes(self, count: int, row_classes: int, column_classes: int) -> np.ndarray:
        """The table of each symbol, by the class of its row and that of its column."""
        rows = self._plan.number(ROWS_ORDER)
        if not 1 <= rows <= count or count % rows:  # nothing is a multiple of any number of rows
            raise ValueError("rows that do not divide a plane")
        of_row, of_column = (
            self._symbols(self._tables(1, np.arange(classes, dtype=np.uint8)), length)
            for classes, length in ((row_classes, rows), (column_classes, count // rows))
        )
        return (of_row[:, None] * column_classes + of_column[None]).ravel().astype(np.int64)

    def _tables(self, count: int, alphabet: np.ndarray | None = None) -> frequencies.Tables:
        self._table_count -= count
        if self._table_count < 0:
            raise ValueError("it has too many frequency tables")
        if alphabet is None:
            read = frequencies.read_runs if self._is_long else frequencies.read_alphabet
            alphabet = read(self._plan)
        return frequencies.read(self._plan, count, alphabet)

    def _symbols(
        self, tables: frequencies.Tables, count: int, chosen: np.ndarray | None = None
    ) -> np.ndarray:
        if len(tables.alphabet) > 1:
            self._steps -= -(-count // self._lanes) if self._lanes else MOST_STEPS + 1
            if self._steps < 0:
                raise ValueError("it has too few lanes for its length")
        return self._decoder.symbols(tables, count, chosen)


def _assembled(spans: _Spans, skeleton: bytes, size: int) -> bytes:
    """The skeleton with the spans put back, then the products computed."""
    cut = [(position, len(data)) for position, data in spans.found]
    cut += [(product.position, product.length) for product in spans.products]
    if len(skeleton) + sum(length for _, length in cut) != size:
        raise ValueError("its parts do not add up to its size")
    content = np.empty(size, np.uint8)
    source, place = np.frombuffer(skeleton, np.uint8), 0
    taken = 0
    for position, length in sorted(cut):
        content[place:position] = source[taken : taken + position - place]
        taken, place = taken + position - place, position + length
    content[place:] = source[taken:]
    for position, data in spans.found:
        content[position : position + len(data)] = np.frombuffer(data, np.uint8)
    for product in spans.products:
        values = product_of(content, product)
        content[product.position : product.position + product.length] = values.view(np.uint8)
    return content.tobytes()


def product_of(content: np.ndarray, product: Product) -> np.ndarray:
    """The values of a product, float32, rounded once."""
    factor = content[product.factor : product.factor + 4].view(FLOAT)
    others = content[product.others : product.others + product.length].view(FLOAT)
    with np.errstate(all="ignore"):
        return factor * others
