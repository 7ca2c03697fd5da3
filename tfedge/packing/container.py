"""The outermost bytes of a packed file, and pieces that are stored, deflated or LZMA.

LZMA comes by itself or behind a primer.

"TFP1" | mode, 1 byte | SHA-256 of the file, 32 bytes | its size, varint | body
"""

import dataclasses
import hashlib
import lzma
import zlib

from tfedge.packing import primer

MAGIC = b"TFP1"
# Modes: the body is one piece, or what `parts` reads, in a plan as it was first or a shorter one.
WHOLE, LONG_PARTS, PARTS = range(3)
STORED, DEFLATED, LZMA, PRIMED = range(4)  # methods of a piece
LARGEST_EXPANSION = 1032  # bytes out for each byte in; deflate cannot do more
_HASH_BYTES = 32
_MOST_LZMA_DICTIONARY = 1 << 26
_MOST_PRIMED = 1 << 20  # of more than that, what a primer saves is nothing


@dataclasses.dataclass(frozen=True)
class Header:
    """What the first bytes say; `body` is where they end."""

    mode: int
    sha256: bytes
    size: int
    body: int


def write_header(mode: int, content: bytes) -> bytes:
    """The first bytes of a packed `content`."""
    digest = hashlib.sha256(content).digest()
    return MAGIC + bytes([mode]) + digest + varint(len(content))


def read_header(packed: bytes) -> Header:
    """Raises ValueError where this is no packed file."""
    if packed[: len(MAGIC)] != MAGIC:
        raise ValueError("it is no file that tfedge packed")
    start = len(MAGIC) + 1 + _HASH_BYTES
    size, body = read_varint(packed, start)
    return Header(packed[len(MAGIC)], packed[start - _HASH_BYTES : start], size, body)


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow (LEB128)."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """The number at `start` and where it ends."""
    value = 0
    for place in range(8):
        if start + place >= len(data):
            raise ValueError("it ends early")
        byte = data[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise ValueError("a length in it is too long")


def squeeze(data: bytes) -> bytes:
    """The shortest piece that `expand` turns into `data`."""
    found = [bytes([STORED]) + data, deflate(data)]
    for lc, lp, pb in ((3, 0, 2), (0, 0, 2), (1, 0, 0), (0, 2, 2)):
        filters = _filters(len(data), lc, lp, pb) | {"preset": 9 | lzma.PRESET_EXTREME}
        coded = lzma.compress(data, format=lzma.FORMAT_RAW, filters=[filters])
        found.append(bytes([LZMA, (pb * 5 + lp) * 9 + lc]) + coded)
    if len(data) <= _MOST_PRIMED:
        shared, rest = primer.shorten(data)
        found.append(bytes([PRIMED]) + varint(shared) + rest)
    return min(found, key=len)


def deflate(data: bytes) -> bytes:
    """A deflated piece."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return bytes([DEFLATED]) + compressor.compress(data) + compressor.flush()


def expand(piece: bytes, size: int) -> bytes:
    """The `size` bytes of a piece.

    Raises:
        ValueError, IndexError, zlib.error, lzma.LZMAError: it is damaged.
    """
    method = piece[0]
    if method == PRIMED:
        shared, start = read_varint(piece, 1)
        return primer.restore(shared, piece[start:], size)
    if method == STORED:
        found, is_whole = piece[1:], True
    elif method == DEFLATED:
        inflate = zlib.decompressobj(-15)
        found = inflate.decompress(piece[1:], size + 1)
        is_whole = inflate.eof and not inflate.unused_data
    elif method == LZMA:
        properties, lc = divmod(piece[1], 9)
        pb, lp = divmod(properties, 5)
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[_filters(size, lc, lp, pb)])
        found = decoder.decompress(piece[2:], size + 1)
        is_whole = decoder.eof and not decoder.unused_data
    else:
        raise ValueError(f"it uses method {method}, which is not known here")
    if len(found) != size or not is_whole:
        raise ValueError(f"a part of it does not give the {size} bytes it should")
    return found


def _filters(size: int, lc: int, lp: int, pb: int) -> dict[str, int]:
    dictionary = min(max(4096, 1 << size.bit_length()), _MOST_LZMA_DICTIONARY)
    return {"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}
