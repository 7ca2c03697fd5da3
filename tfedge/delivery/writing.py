"""Files that are there whole or not at all, also after a power failure."""

import contextlib
import os
import pathlib

from tfedge import errors

PARTLY = ".tfedge-part"  # the end of a name that no reader asks for


def put(path: pathlib.Path, content: bytes, mode: int = 0o644) -> None:
    """Makes `content` the file at `path`, down to the disk.

    Args:
        path: of the file; folders that are missing are made.
        content: all of it.
        mode: its rights, less the umask.

    Raises:
        OSError: the disk refused; what was at the path is there still.
    """
    folder(path.parent)
    part = path.with_name(f".{path.name}{PARTLY}")
    try:
        _write(part, content, mode)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    to_disk(path.parent)


def asked_for(path: str, content: bytes, mode: int = 0o644) -> None:
    """Makes the file that --output names.

    Raises:
        BadInput: the disk refused.
    """
    try:
        put(pathlib.Path(path).absolute(), content, mode)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise errors.BadInput(f"--output={path}", cause, "Name another file.") from error


def folder(path: pathlib.Path, mode: int = 0o777) -> None:
    """Makes a folder and those above it."""
    if path.is_dir():
        return
    folder(path.parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, mode)
    to_disk(path.parent)


def _write(path: pathlib.Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_disk(path: pathlib.Path) -> None:
    """What was renamed in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
