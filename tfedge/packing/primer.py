"""What most .tflite files have in common, compressed once: pieces go on from that stream.

LZMA learns as it reads, and a small file is over before it has learned what a .tflite looks like.
So the primer is coded with the file behind it, and of that stream only what primer.lzma does not
begin with is kept. Any decoder of LZMA reads the two, one after the other.
"""

import functools
import lzma
import pathlib

_ENDING = bytes(64)  # the stream ends in what no file goes on with
_FILTERS = (
    {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 17, "lc": 0, "lp": 2, "pb": 2},
)  # fmt: skip


@functools.cache
def stream() -> bytes:
    """The content of primer.lzma; see FORMAT.md."""
    return (pathlib.Path(__file__).parent / "primer.lzma").read_bytes()


def compressed(content: bytes) -> bytes:
    """A stream that `stream` could give; see tools/benchmarks/make_primer.py."""
    return _coded(content + _ENDING)


def shorten(data: bytes) -> tuple[int, bytes]:
    """(n, rest): the first n bytes of the primer's stream and `rest` are a stream of `data`."""
    coded = _coded(_content() + data)
    pairs = enumerate(zip(coded, stream(), strict=False))
    shared = next((place for place, (ours, known) in pairs if ours != known), 0)
    return shared, coded[shared:]


def restore(shared: int, rest: bytes, size: int) -> bytes:
    """The `size` bytes of data that `shorten` was given.

    Raises:
        ValueError, lzma.LZMAError: they are damaged.
    """
    skipped = len(_content())
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    found = decoder.decompress(stream()[:shared] + rest, skipped + size + 1)
    if not decoder.eof or decoder.unused_data or len(found) != skipped + size:
        raise ValueError(f"a part of it does not give the {size} bytes it should")
    return found[skipped:]


@functools.cache
def _content() -> bytes:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    return decoder.decompress(stream())[: -len(_ENDING)]


def _coded(data: bytes) -> bytes:
    filters = [{**_FILTERS[0], "preset": 9 | lzma.PRESET_EXTREME}]
    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=filters)
