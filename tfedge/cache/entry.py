"""One entry of a cache: a file with an index of what it holds in its first line.

    SHA-256 of the rest of the line, {"key": ..., "files": {name: {"bytes": ..., "sha256": ...}}}
    the bytes of each file, in that order

It is written aside, down to the disk, and renamed: it is there whole or not at all. A reader
compares every byte with the index, and the index with its own sum.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import secrets
import stat
from collections.abc import Mapping
from typing import Any, BinaryIO

from tfedge import errors, foreign

KEY = re.compile(r"[0-9a-f]{16,64}")
_PART = r"(-[\w-]+)?"
NAME = re.compile(rf"{KEY.pattern}{_PART}\.entry")
ASIDE_NAME = re.compile(rf"{KEY.pattern}{_PART}\.[0-9a-f]{{8}}\.writing")
LOCK_NAME = re.compile(rf"{KEY.pattern}\.lock")
REMEDY = "It is removed."
_FORMAT = 1
_MOST_HEAD_BYTES = 1 << 20


def path_of(folder: pathlib.Path, key: str, part: str = "") -> pathlib.Path:
    """Where an entry is.

    Raises:
        ValueError: no key, or part, that a file can be called by.
    """
    name = f"{key}-{part}.entry" if part else f"{key}.entry"
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:99]!r}: a key is 16 to 64 hexadecimal digits, a part is a word")
    return folder / name


def is_ours(path: pathlib.Path) -> bool:
    """Whether a file is called as an entry, one that is being written, or a lock of a stage."""
    names = (NAME, ASIDE_NAME, LOCK_NAME)
    return any(name.fullmatch(path.name) for name in names) and not path.is_symlink()


def stage(path: pathlib.Path) -> str:
    """The key of the stage that an entry is of, or a part of."""
    return path.stem.partition("-")[0]


def write(path: pathlib.Path, files: Mapping[str, bytes]) -> None:
    """Puts an entry in its place; one that is there is replaced.

    Args:
        path: of the entry; its name without the ending is its key.
        files: content by name.

    Raises:
        OSError: the disk refused; nothing has changed then.
    """
    aside = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.writing")
    try:
        with aside.open("xb") as file:
            with contextlib.suppress(OSError):  # a disk without locks: who clears up waits longer
                fcntl.flock(file, fcntl.LOCK_EX)
            file.write(_head(path.stem, files))
            for content in files.values():
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


def read(path: pathlib.Path) -> dict[str, bytes]:
    """The files of an entry, each compared with the index.

    Raises:
        BadInput: it is not as it was written.
        OSError: there is none, or the disk refused.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _damaged("it is no plain file")
        head = file.readline(_MOST_HEAD_BYTES)
        listed = _listed(head, path)
        told = len(head) + sum(each["bytes"] for each in listed.values())
        if told != found.st_size:
            raise _damaged(f"its index says {told:,} bytes, and there are {found.st_size:,}")
        return {name: _content(file, name, each) for name, each in listed.items()}


def _damaged(cause: str) -> errors.BadInput:
    return errors.BadInput("entry", cause, REMEDY)


def _head(key: str, files: Mapping[str, bytes]) -> bytes:
    listed = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    }
    text = json.dumps({"format": _FORMAT, "key": key, "files": listed}).encode()
    return b"%b %b\n" % (hashlib.sha256(text).hexdigest().encode(), text)


def _listed(head: bytes, path: pathlib.Path) -> Mapping[str, Any]:
    """The index, if it is the one that was written with this name."""
    digest, _, text = head.rstrip(b"\n").partition(b" ")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise _damaged("its index was changed")
    with foreign.reading("its index", REMEDY):
        index = foreign.parse_json(text, "its index", REMEDY)
        if (index["format"], index["key"]) != (_FORMAT, path.stem):
            raise _damaged(f"it is the entry {index['key']} in format {index['format']}")
        return dict(index["files"])


def _content(file: BinaryIO, name: str, told: Mapping[str, Any]) -> bytes:
    content = file.read(told["bytes"])
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise _damaged(f"{name} in it was changed")
    return content
