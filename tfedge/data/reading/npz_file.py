"""The arrays of an .npz file, nothing unpickled: large ones that are stored as they are, mapped.

A zip file says how long each member is, and the member's header what array it holds; both have to
agree before a byte is allocated for it.
"""

import math
import mmap
import pathlib
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from absl import logging

from tfedge import errors, shown

_REMEDY = "Make it with numpy.savez(FILE, x_train=..., y_train=..., x_test=..., y_test=...)."
_LARGEST_EXPANSION = 200
_SMALL_BYTES = 1 << 28  # unpacked whatever the proportion: honest arrays may be all zeros
_MAPPED_BYTES = 1 << 24  # arrays from this size on stay in the file
_PIECE_BYTES = 1 << 26
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a zip member: mark, lengths of name and extra field
_HEADERS: dict[tuple[int, int], Callable] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


# What numpy raises on headers that are none: it reads them as Python.
_UNREADABLE = (
    *(ValueError, OSError, MemoryError, RuntimeError, struct.error, tokenize.TokenError),
    *(SyntaxError, SystemError, TypeError, LookupError, ArithmeticError),
)


@dataclass(frozen=True)
class _Array:
    """What the header of a member says."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype
    header_bytes: int


class Arrays(dict[str, np.ndarray]):
    """Arrays by name; those that lie in the file are read from there when they are used."""

    mapped: mmap.mmap | None = None

    def forget(self) -> None:
        """Gives back the memory of what was read from the file; it stays readable."""
        if self.mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def read(path: pathlib.Path) -> Arrays:
    """Every array of the file.

    Raises:
        BadInput: no .npz file, truncated, damaged, pickled, compressed by other means than numpy's
            or out of proportion.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                raise errors.BadInput(str(path), "it is not an .npz file", _REMEDY)
        with zipfile.ZipFile(path) as archive:
            _check_growth(path, archive.infolist())
            return _arrays(path, archive)
    except FileNotFoundError as error:
        raise errors.BadInput(str(path), "no such file", "Check the path.") from error
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise errors.BadInput(
            str(path), f"the .npz file is truncated or damaged ({error})", "Write it again."
        ) from error
    except _UNREADABLE as error:
        if isinstance(error, errors.BadInput):
            raise
        raise errors.BadInput(
            str(path), f"unreadable ({error})", f"Store plain arrays. {_REMEDY}"
        ) from error


def pieces(array: np.ndarray) -> list[slice]:
    """Rows that together are all of the array, some megabytes at a time."""
    rows = max(1, _PIECE_BYTES // max(1, array.nbytes // max(1, len(array))))
    return [slice(start, start + rows) for start in range(0, len(array), rows)]


def _check_growth(path: pathlib.Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuses what would unpack out of proportion: numpy stores or deflates, by 1,032 at most."""
    known = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if odd := [each.filename for each in members if each.compress_type not in known]:
        raise errors.BadInput(
            str(path),
            f"{odd[0]} is compressed by other means than numpy's",
            "Write it with numpy.savez or numpy.savez_compressed.",
        )
    packed, unpacked = (
        sum(getattr(each, size) for each in members) for size in ("compress_size", "file_size")
    )
    if unpacked > max(_SMALL_BYTES, _LARGEST_EXPANSION * packed):
        raise errors.BadInput(
            str(path),
            f"it would unpack {packed:,} bytes to {unpacked:,}, more than"
            f" {_LARGEST_EXPANSION} times as many",
            "Write it with numpy.savez, which does not compress.",
        )


def _arrays(path: pathlib.Path, archive: zipfile.ZipFile) -> Arrays:
    found = Arrays()
    members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
    if others := [name for name in archive.namelist() if not name.endswith(".npy")]:
        logging.warning("%s: not used, as they are no arrays: %s", path, shown.listed(others))
    for member in members:
        header = _header(path, archive, member)
        name = member.filename.removesuffix(".npy")
        if member.compress_type == zipfile.ZIP_STORED and member.file_size >= _MAPPED_BYTES:
            if found.mapped is None:
                found.mapped = _map(path)
            found[name] = _mapped(found, member, header)
        else:
            with archive.open(member) as content:
                found[name] = np.lib.format.read_array(content, allow_pickle=False)
                content.read(1)  # at the end the checksum is compared
    return found


def _header(path: pathlib.Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> _Array:
    with archive.open(member) as content:
        version = np.lib.format.read_magic(content)
        if version not in _HEADERS:
            raise ValueError(f"{member.filename} is of version {version}")
        shape, is_fortran, dtype = _HEADERS[version](content)
        header_bytes = content.tell()
    if dtype.hasobject:
        raise errors.BadInput(
            str(path), f"{member.filename} holds pickled objects", f"Store plain arrays. {_REMEDY}"
        )
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != member.file_size - header_bytes:
        raise zipfile.BadZipFile(
            f"{member.filename} says it is {shape} {dtype}, and has"
            f" {member.file_size - header_bytes:,} bytes"
        )
    return _Array(shape, is_fortran, dtype, header_bytes)


def _map(path: pathlib.Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _mapped(found: Arrays, member: zipfile.ZipInfo, header: _Array) -> np.ndarray:
    """The array where it lies in the file, its checksum compared."""
    assert found.mapped is not None  # the caller mapped it
    start = member.header_offset
    mark, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(found.mapped, start)
    start += _LOCAL_HEADER.size + name_bytes + extra_bytes
    if mark != b"PK\3\4" or start + member.file_size > len(found.mapped):
        raise zipfile.BadZipFile(f"{member.filename} is not where the index says")
    content = np.frombuffer(found.mapped, np.uint8, member.file_size, start)
    checksum = 0
    for piece in pieces(content):
        checksum = zlib.crc32(content[piece].data, checksum)
        found.forget()
    if checksum != member.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.filename!r}")
    values = content[header.header_bytes :].view(header.dtype)
    if header.is_fortran:
        return values.reshape(header.shape[::-1]).T
    return values.reshape(header.shape)
