"""Puts a finished folder in the place of another in one step, as seen by any reader.

Renaming onto a non-empty folder is refused by the kernel, and removing the old one first leaves a
moment with neither. Linux (renameat2, kernel 3.15) and macOS (renamex_np, 10.12) can exchange two
folders atomically. Where the file system cannot (some network mounts), the old folder is moved
aside and the new one moved in: a reader may then find no folder for an instant, and a run killed
in that instant leaves it to the next run's `recover`.

What is at the path at any moment is one release. Who opens it twice, as `cp -r` does for every
file, may get files of two: `bundle.copy` and `manifest.verify` read through one open folder.
"""

import ctypes
import errno
import fcntl
import os
import pathlib
import sys
from collections.abc import Callable, Iterator

_AT_FDCWD = -100  # "relative to the current folder", from <fcntl.h>
_EXCHANGE = 2  # RENAME_EXCHANGE on Linux, RENAME_SWAP on macOS
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def write_folder(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    """Writes a new folder and its files down to the disk, not only to the page cache.

    Args:
        folder: made here; its parent exists.
        files: content by file name.

    Raises:
        OSError: full disk, missing rights; the folder is then incomplete.
    """
    os.mkdir(folder)
    for name, content in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
            _to_disk(descriptor)
        finally:
            os.close(descriptor)
    _folder_to_disk(folder)


def put_in_place(staged: pathlib.Path, target: pathlib.Path) -> pathlib.Path | None:
    """Makes `staged` the folder at `target`.

    Both are in the same parent folder, and `staged` is complete and on the disk.

    Returns:
        Where the folder is now that was at `target`; None where there was none.

    Raises:
        OSError: the disk refused. What was at `target` is there again, if the disk lets it.
    """
    if not os.path.lexists(target):
        os.rename(staged, target)
        _confirm(target.parent, lambda: os.rename(target, staged))
        return None
    os.chmod(staged, os.stat(target).st_mode & 0o7777)
    if _exchange(staged, target):
        _confirm(target.parent, lambda: _exchange(staged, target))
        return staged
    old = _aside(target)

    def back() -> None:
        os.rename(target, staged)
        os.rename(old, target)

    os.rename(target, old)
    os.rename(staged, target)
    _confirm(target.parent, back)
    return old


def recover(staged: pathlib.Path, target: pathlib.Path) -> Iterator[pathlib.Path]:
    """Brings back a folder moved aside; yields what else a killed run left, to be removed."""
    old = _aside(target)
    if os.path.lexists(old) and not os.path.lexists(target):
        os.rename(old, target)
    yield from (leftover for leftover in (staged, old) if os.path.lexists(leftover))


def _confirm(parent: pathlib.Path, undo: Callable[[], object]) -> None:
    """Renames in `parent` down to the disk; one that it refuses is taken back."""
    try:
        _folder_to_disk(parent)
    except OSError:
        undo()
        raise


def _aside(target: pathlib.Path) -> pathlib.Path:
    return target.with_name(f".{target.name}.tfedge-old")


def _exchange(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Swaps two folders atomically; False where the system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            failed = library.renamex_np(a, b, _EXCHANGE)
        else:
            failed = library.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _EXCHANGE)
    except AttributeError:  # a C library older than the call
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(second))


def _folder_to_disk(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _to_disk(descriptor)
    finally:
        os.close(descriptor)


def _to_disk(descriptor: int) -> None:
    if sys.platform == "darwin":  # fsync there stops at the drive's own cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
