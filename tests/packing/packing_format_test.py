"""FORMAT.md is enough to decode: a decoder of plain loops, written from that page alone."""

import hashlib
import lzma
import pathlib
import re
import struct
import zlib

import numpy as np
import pytest
from kernel_files import clustered, tflite

import tfedge
from tfedge import packing

FILES = pathlib.Path(__file__).parents[1] / "device" / "files"
PAGE = pathlib.Path(packing.__file__).with_name("FORMAT.md")
PRIMER = PAGE.with_name("primer.lzma")
PLAIN = int(re.search(r"first ([\d,]+) bytes are dropped", PAGE.read_text())[1].replace(",", ""))


class _Decoder:
    def __init__(self, packed):
        assert packed[:4] == b"TFP1"
        self.data, self.at = packed, 37
        self.size = self.varint()

    def file(self):
        if self.data[4] == 0:
            return _piece(self.data[self.at :], self.size)
        plan, piece, skeleton, raw, self.lanes = [self.varint() for _ in range(5)]
        carried = min(2 * self.lanes, piece)
        self.bits = "".join(f"{byte:08b}" for byte in self.take(plan))
        rest, self.raw = self.take(piece - carried), self.take(raw)
        self.states = list(struct.unpack(f"<{self.lanes}I", self.take(4 * self.lanes)))
        words = self.data[self.at :]
        self.words = list(struct.unpack(f"<{len(words) // 2}H", words))[::-1]
        self.single: list = []
        spans = self.spans()
        assert not self.words
        first = struct.pack(f"<{self.lanes}H", *(state - 65536 for state in self.states))
        left = _piece(first[:carried] + rest, skeleton)
        found = bytearray()
        for position, length, content in spans:
            gap = position - len(found)
            found += left[:gap] + (content if isinstance(content, bytes) else bytes(length))
            left = left[gap:]
        found += left
        for position, length, content in spans:
            if isinstance(content, tuple):
                factor = struct.unpack_from("<f", found, content[0])[0]
                others = struct.unpack_from(f"<{length // 4}f", found, content[1])
                struct.pack_into(f"<{length // 4}f", found, position, *(factor * o for o in others))
        return bytes(found)

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def varint(self):
        value, place = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << place
            place += 7
            if byte < 128:
                return value

    def u(self, count):
        value, self.bits = self.bits[:count], self.bits[count:]
        return int(value or "0", 2)

    def g(self, order):
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros + order) + self.u(zeros + order) - (1 << order)

    def s(self, order):
        value = self.g(order)
        return -(value + 1) // 2 if value % 2 else value // 2

    def spans(self):
        found, end, lengths = [], 0, []
        for _ in range(self.g(4)):
            position = end + self.g(6)
            length = lengths.pop(self.g(0)) if self.data[4] == 2 and self.u(1) else self.g(8)
            lengths = [length, *(each for each in lengths if each != length)]
            end = position + length
            found.append((position, length, self.content(self.u(3), length)))
        return found

    def content(self, kind, length):
        if kind == 4:
            return self.g(12), self.g(12)
        if kind == 0:
            return bytes(symbol ^ 128 for symbol in self.plane(length))
        if kind == 1:
            halves = [symbol ^ 8 for symbol in self.plane(2 * length)]
            return bytes(a | b << 4 for a, b in zip(halves[::2], halves[1::2], strict=True))
        width = 1 << self.u(2)
        if kind == 3:
            values = [self.u(8 * width) for _ in range(self.u(8) + 1)]
            words = [values[place] for place in self.plane(length // width)]
        else:
            words = self.words_of(length // width, width)
        return b"".join(word.to_bytes(width, "little") for word in words)

    def words_of(self, count, width):
        transform, sparse = self.u(2), self.u(1)
        words = first = self.plane(count)
        for _ in range(width - 1):
            there = [not sparse or bool(symbol) for symbol in first]
            plane = iter(self.plane(sum(there)))
            words = [w << 8 | (next(plane) if t else 0) for w, t in zip(words, there, strict=True)]
        top, mask = 8 * width - 1, (1 << 8 * width) - 1
        if transform == 1:
            return [(w >> 1 ^ -(w & 1)) & mask for w in words]
        return [w >> 1 | (w & 1) << top for w in words] if transform == 2 else words

    def plane(self, count):
        if self.u(1):
            plane, self.raw = self.raw[:count], self.raw[count:]
            return list(plane)
        if self.u(1):
            back = -1 - self.g(0)
            tables = self.single[back]
            if self.data[4] == 2:
                self.single.append(self.single.pop(back))
            return self.symbols(*tables, [0] * count)
        rows, columns, chosen = self.u(2) + 1, self.u(2) + 1, [0] * count
        if rows * columns > 1:
            lengths = [self.g(5)]
            lengths.append(count // lengths[0])
            of = []
            for classes, length in zip((rows, columns), lengths, strict=True):
                alphabet = list(range(classes))
                of.append(self.symbols(alphabet, [self.table(classes)], [0] * length))
            chosen = [r * columns + c for r in of[0] for c in of[1]]
        alphabet = self.alphabet()
        tables = [self.table(len(alphabet)) for _ in range(rows * columns)]
        if rows * columns == 1:
            self.single.append((alphabet, tables))
        return self.symbols(alphabet, tables, chosen)

    def alphabet(self):
        alphabet, symbol = [], 0
        if self.data[4] == 2 and self.u(1):
            size, order, symbol = self.g(3) + 1, self.u(3), -1
            for _ in range(size):
                symbol += self.g(order) + 1
                alphabet.append(symbol)
            return alphabet
        for _ in range(self.g(0) + 1):
            symbol += self.g(2)
            taken = self.g(2) + 1
            alphabet += range(symbol, symbol + taken)
            symbol += taken + 1
        return alphabet

    def table(self, size):
        levels, level = [0] * (size == 1), 0
        while len(levels) < size:
            run = self.g(0) + 1
            level += self.s(1)
            levels += [level] * run
        weights = [(4 + level % 4) << level // 4 for level in levels]
        total = sum(weights)
        found = [max(1, (2 * w * 16384 + total) // (2 * total)) for w in weights]
        while sum(found) > 16384:
            found[found.index(max(found))] -= 1
        found[found.index(max(found))] += 16384 - sum(found)
        return found

    def symbols(self, alphabet, tables, chosen):
        if len(alphabet) == 1:
            return alphabet * len(chosen)
        found = []
        for first in range(0, len(chosen), self.lanes):
            step = chosen[first : first + self.lanes]
            for lane, table in enumerate(step):
                slot, place, beginning = self.states[lane] & 16383, 0, 0
                while slot >= beginning + tables[table][place]:
                    beginning += tables[table][place]
                    place += 1
                found.append(alphabet[place])
                whole = tables[table][place] * (self.states[lane] >> 14)
                self.states[lane] = whole + slot - beginning
            for lane in range(len(step)):
                if self.states[lane] < 65536:
                    self.states[lane] = self.states[lane] << 16 | self.words.pop()
        return found


def _piece(piece, size):
    if piece[0] == 0:
        return piece[1:]
    if piece[0] == 1:
        return zlib.decompress(piece[1:], -15)
    if piece[0] == 3:
        shared, start = 0, 1
        while not shared or piece[start - 1] > 127:
            shared |= (piece[start] & 127) << 7 * (start - 1)
            start += 1
        stream = PRIMER.read_bytes()[:shared] + piece[start:]
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 17, "lc": 0, "lp": 2, "pb": 2}]
        return lzma.decompress(stream, lzma.FORMAT_RAW, filters=filters)[PLAIN:]
    pb, rest = divmod(piece[1], 45)
    lp, lc = divmod(rest, 9)
    dictionary = max(4096, 1 << size.bit_length())
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.decompress(piece[2:], lzma.FORMAT_RAW, filters=filters)


@pytest.mark.parametrize("file", sorted(FILES.glob("*.tflite")), ids=lambda file: file.stem)
def test_the_page_is_enough(file):
    content = file.read_bytes()
    assert _Decoder(tfedge.pack(content)).file() == content


def test_the_page_still_tells_of_the_longer_plan():
    packed = pathlib.Path(__file__).parent / "files" / "image_int8_by_0_1.packed"
    assert _Decoder(packed.read_bytes()).file() == (FILES / "image_int8.tflite").read_bytes()


def test_classes_of_rows_and_columns_and_int4_too():
    rng = np.random.default_rng(4)
    kernel = clustered(rng, (100, 120), 0.1)
    halves = rng.integers(0, 256, (40, 40), dtype=np.uint8) & 0x33
    floats = np.where(kernel, rng.normal(0, 1, kernel.shape), 0)
    for content in (
        tflite(kernel),
        tflite(halves, dtype="int4"),
        tflite(floats[:40, :40].astype(np.float32)),
    ):
        assert _Decoder(tfedge.pack(content)).file() == content


def test_the_page_names_the_primer():
    content = PRIMER.read_bytes()
    assert hashlib.sha256(content).hexdigest() in PAGE.read_text()
    assert f"{len(content):,} bytes" in PAGE.read_text()
