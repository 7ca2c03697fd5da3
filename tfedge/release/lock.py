"""One run per output folder, held by the kernel: it ends with the process, however that ends."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator

from tfedge import errors

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
                return descriptor
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").split()
            os.close(descriptor)
            who = f"process {holder[0]} on {holder[1]}" if len(holder) == 2 else "another process"
            raise errors.BadInput(
                what, f"in use by {who}", "Wait for it to end, or give another folder."
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(path: pathlib.Path, descriptor: int) -> bool:
    """False when the last holder removed the file between our opening and locking it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
