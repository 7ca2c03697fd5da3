"""One run per output folder, held by the kernel: it ends with the process, however that ends."""

import contextlib
import fcntl
import os
import pathlib
import re
import socket
from collections.abc import Iterator

from tfedge import errors

_OURS = re.compile(rb"(\d+) (\S+)\n")
_LONGEST = 400
_held: set[pathlib.Path] = set()


@contextlib.contextmanager
def hold(path: pathlib.Path, what: str) -> Iterator[None]:
    """Holds the lock file `path` while the block runs, and removes it afterwards.

    Args:
        path: the lock file; its folder exists. Others find the holder's process id in it.
        what: what is locked, for the message.

    Raises:
        BadInput: another run holds it.
        OSError: the file cannot be made or written.
    """
    descriptor = _acquire(path, what)
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
            raise errors.BadInput(
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
