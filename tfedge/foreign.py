"""Files that someone else wrote: what a parser of them raises is a refusal, never an error of ours.

with foreign.reading(path, "Copy it again."):
    archive = zipfile.ZipFile(path)
"""

import contextlib
import errno
import json
import lzma
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from tfedge import errors

# What libraries raise on damaged or hostile input. A NameError or an ImportError is ours.
_RAISED = (
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)
_MOST_BYTES = 2**31  # what a flatbuffer may have
_SMALL_BYTES, _LARGEST_EXPANSION = 1 << 20, 100
_MOST_PIECES = 10_000
_MOST_JSON_BYTES = 16 << 20  # the description of a network with a thousand layers takes 2 MB
_MOST_VALUES = 500_000  # each takes up to 300 bytes once it is parsed
_DEEPEST = 100
_LARGEST_WHOLE = 2**63
_CODE = "py:"


@contextlib.contextmanager
def reading(where: str | os.PathLike, remedy: str, what: str = "damaged") -> Iterator[None]:
    """Turns whatever parsing a foreign file raises into one line; goes around the parser alone.

    Args:
        where: the file.
        remedy: what to do about it.
        what: how to call what is wrong.

    Raises:
        BadInput: whatever of the known families the block raised.
    """
    try:
        yield
    except errors.BadInput:
        raise
    except _RAISED as error:
        raise errors.BadInput(str(where), f"{what}: {_said(error)}", remedy) from error


def read_bytes(path: str | os.PathLike, remedy: str, where: str | None = None) -> bytes:
    """What a plain file holds, unless most of it is a hole, which takes memory and no disk.

    Raises:
        BadInput: it cannot be read, is no plain file, is beyond 2 GB, or is hardly there.
    """
    named = where or str(path)
    with reading(named, remedy, "cannot be read"), _plain_file(path) as file:
        size, stored = os.fstat(file.fileno()).st_size, _stored_bytes(file.fileno())
        if size > min(_MOST_BYTES, max(_SMALL_BYTES, _LARGEST_EXPANSION * stored)):
            raise errors.BadInput(
                named, f"it says {size:,} bytes, and {stored:,} of them are there", remedy
            )
        return file.read()


def _plain_file(path: str | os.PathLike) -> BinaryIO:
    """Opened without waiting: a pipe has no end, and a device no size."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("it is no plain file")
    return os.fdopen(descriptor, "rb")


def _stored_bytes(descriptor: int) -> int:
    """How much of an open file is no hole; block counts lag behind on some file systems."""
    stored = at = 0
    try:
        for _ in range(_MOST_PIECES):
            start = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, start, os.SEEK_HOLE)
            stored += at - start
    except OSError as error:
        if error.errno != errno.ENXIO:  # that there is no more of it
            return os.fstat(descriptor).st_size
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return stored


def read_json(path: str | os.PathLike, remedy: str, where: str | None = None) -> Any:
    """The value in a JSON file; see `parse_json`.

    Raises:
        BadInput: it cannot be read, or as `parse_json`.
    """
    named = where or str(path)
    with reading(named, remedy, "cannot be read"), _plain_file(path) as file:
        content = file.read(_MOST_JSON_BYTES + 1)
    return parse_json(content, named, remedy)


def parse_json(content: bytes, where: str, remedy: str, most_bytes: int = _MOST_JSON_BYTES) -> Any:
    """The value in the bytes of a JSON file, of a size, depth and numbers that are meant.

    Raises:
        BadInput: no JSON, or more than `most_bytes` (16 MB), half a million values, a hundred
            levels, a number beyond 64 bits, or text that is no Unicode.
    """
    values = sum(content.count(mark) for mark in (b",", b":", b"[", b"{"))
    if len(content) > most_bytes or values > _MOST_VALUES:
        raise errors.BadInput(
            where, f"a JSON file of {len(content):,} bytes is larger than any that is meant", remedy
        )
    with reading(where, remedy, "not JSON"):
        found = json.loads(content)
    check_plain(found, where, remedy)
    return found


def check_plain(value: Any, where: str, remedy: str) -> None:
    """Refuses nesting, whole numbers and text that nothing behind a parser is ready for.

    Raises:
        BadInput: more than a hundred levels, a number beyond 64 bits, or a lone surrogate.
    """
    for each, depth in _walk(value):
        cause = ""
        if depth > _DEEPEST:
            cause = f"nested more than {_DEEPEST} levels deep"
        elif isinstance(each, int) and abs(each) >= _LARGEST_WHOLE:
            cause = "it holds a whole number beyond 64 bits"
        elif isinstance(each, str) and any("\ud800" <= letter <= "\udfff" for letter in each):
            cause = f"{each[:40]!a} in it is no Unicode text"
        if cause:
            raise errors.BadInput(where, cause, remedy)


def whole(value: Any, least: int = 0) -> int:
    """A whole number that a JSON file says; true is none, nor is 1.0, which Python takes for 1.

    Raises:
        ValueError: it is something else, or less.
    """
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is no whole number from {least}")
    return value


def finite(value: Any, least: float = -math.inf) -> float:
    """A number that a JSON file says; true, NaN and what is beyond all numbers are none.

    Raises:
        ValueError: it is something else, or less.
    """
    if type(value) not in (int, float) or not math.isfinite(value) or value < least:
        raise ValueError(f"{value!r} is no finite number from {least:g}")
    return float(value)


def check_no_code(value: Any, where: str) -> None:
    """Refuses a data file that names Python code to run; only a command line may.

    Raises:
        BadInput: a text in it starts with `py:`.
    """
    for each, _ in _walk(value):
        if isinstance(each, str) and each.startswith(_CODE):
            raise errors.BadInput(
                where,
                f"it names Python code to run ({each[:200]}), and a data file may not",
                "Look at that code, then add --trust_recipe; or name it on the command line.",
            )


def _said(error: BaseException) -> str:
    """The first line of what it says, without characters that a terminal obeys."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    says = ascii(str(error).partition("\n")[0][:200])[1:-1].rstrip(".")
    return says if says and isinstance(error, ValueError) else f"{type(error).__name__} {says}"


def _walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Every value and key inside a value, with its depth."""
    waiting = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        yield found, depth
        if isinstance(found, Mapping):
            waiting.extend((each, depth + 1) for pair in found.items() for each in pair)
        elif isinstance(found, (list, tuple)):
            waiting.extend((each, depth + 1) for each in found)
