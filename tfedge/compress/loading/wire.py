"""Reads protocol buffers as what is on the wire, without their schema and without copying.

Whatever a reader of the schema would see is among what is found here, so that a file can be looked
through before anything of it is built.

Reference: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator, Sequence

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10


def fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(number, content) of every field of a message: bytes of texts and messages, whole numbers.

    Numbers of a fixed length are left out.

    Raises:
        ValueError: it ends too early, or is no protocol buffer.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            yield number, message[at : at + length]
            at += length
        elif kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError(f"a field of the kind {kind} is not known")
    if at > len(message):
        raise ValueError("it is truncated")


def inside(message: memoryview, path: Sequence[int]) -> Iterator[memoryview]:
    """The bytes of the fields that a path of field numbers leads to."""
    if not path:
        yield message
        return
    for number, content in fields(message):
        if number == path[0] and isinstance(content, memoryview):
            yield from inside(content, path[1:])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """(value, where the next begins)."""
    value = 0
    for position in range(_LONGEST_VARINT):
        if at + position >= len(message):
            raise ValueError("it is truncated")
        byte = message[at + position]
        value |= (byte & 127) << (7 * position)
        if byte < 128:
            return value, at + position + 1
    raise ValueError("a number in it is too long")
