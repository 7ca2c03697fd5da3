"""One process at a place, held by the kernel: it ends with the process, however that ends."""

import contextlib
import fcntl
import os
import pathlib
import re
import socket
import time
from collections.abc import Iterator

from absl import logging

from tfedge import errors

_OURS = re.compile(rb"(\d+) (\S+)\n")
_LONGEST = 400
_ASKS_AGAIN_SECONDS = 0.2
_held: set[pathlib.Path] = set()


@contextlib.contextmanager
def hold(path: pathlib.Path, what: str, waits: bool = False) -> Iterator[None]:
    """Holds the lock file `path` while the block runs, and removes it afterwards.

    Args:
        path: the lock file; its folder exists. Others find the holder's process id in it.
        what: what is locked, for the message.
        waits: for another process to end, instead of refusing.

    Raises:
        BadInput: another run holds it; the file is someone else's.
        OSError: the file cannot be made or written.
    """
    descriptor = _waited(path, what) if waits else _acquire(path, what)
    _held.add(path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        yield
    finally:
        # Removed while still held, so that nobody can hold a name that is about to vanish.
        _held.discard(path)
        with contextlib.suppress(OSError):  # a disk that failed: its cause is what counts
            path.unlink(missing_ok=True)
        os.close(descriptor)


def held_here(path: pathlib.Path) -> bool:
    """Whether this process holds the lock file `path`."""
    return path in _held


def is_free(path: pathlib.Path) -> bool:
    """Whether no process holds the lock file `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _waited(path: pathlib.Path, what: str) -> int:
    """As `_acquire`, when whoever has it has ended."""
    said = False
    while True:
        try:
            return _acquire(path, what)
        except _InUse as busy:
            if not said:
                logging.info("%s: %s; waiting for it to end", what, busy.cause)
            said = True
            time.sleep(_ASKS_AGAIN_SECONDS)


class _InUse(errors.BadInput):
    """Another process holds the lock."""


def _acquire(path: pathlib.Path, what: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                _refuse_foreign(path, descriptor)
                return descriptor
        except BlockingIOError:
            holder = _OURS.fullmatch(os.pread(descriptor, _LONGEST, 0))
            os.close(descriptor)
            who = b"process %b on %b" % holder.groups() if holder else b"another process"
            raise _InUse(
                what, f"in use by {who.decode()}", "Wait for it to end, or give another folder."
            ) from None
        except (OSError, errors.BadInput):
            os.close(descriptor)
            raise
        os.close(descriptor)


def _refuse_foreign(path: pathlib.Path, descriptor: int) -> None:
    """A lock file of someone else's, such as Cargo.lock beside a folder Cargo, is left alone."""
    content = os.pread(descriptor, _LONGEST, 0).strip(b"\0")  # zeros are left by a power failure
    if content and not _OURS.fullmatch(content):
        raise errors.BadInput(
            str(path), "this file is not ours, and its name is needed", "Give another folder."
        )


def _is_still(path: pathlib.Path, descriptor: int) -> bool:
    """False when the last holder removed the file between our opening and locking it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
