"""What goes from a cache: the entries that were not used for longest, and what killed runs left.

When an entry was used is the time of its last change, which reading it sets. What a living process
is making or has started from stays, whatever its age.
"""

import contextlib
import fcntl
import os
import pathlib
import time
from collections.abc import Iterator

from tfedge import errors, lock
from tfedge.cache import entry

LOCK = ".lock"
_LEFT_FULL = 0.9  # so that not every write has to make room
_ABANDONED_SECONDS = 60  # of a file half written: by then no one is about to lock it


def make_room(folder: pathlib.Path, most_bytes: int, kept: str) -> int:
    """Removes entries of a cache that is too full, the longest unused first.

    Args:
        folder: of the cache.
        most_bytes: that all entries may take; where they do not, a part of that becomes free.
        kept: the name of an entry that stays.

    Returns:
        How many bytes are free then.

    Raises:
        OSError: the disk refused.
    """
    found = sorted(_used(folder))
    total = sum(size for *_, size in found)
    wanted = total if total <= most_bytes else most_bytes * _LEFT_FULL
    for _, name, size in found:
        if total <= wanted:
            break
        if name != kept and _removed(folder / name):
            total -= size
    return most_bytes - total


@contextlib.contextmanager
def spared(path: pathlib.Path) -> Iterator[None]:
    """Keeps an entry while the block runs, if it is there."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            fcntl.flock(held.enter_context(path.open("rb")), fcntl.LOCK_SH)
        yield


def sweep(folder: pathlib.Path) -> None:
    """Removes what killed processes left: files half written, and locks."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError, errors.BadInput):
            if entry.ASIDE_NAME.fullmatch(path.name):
                if time.time() - path.lstat().st_mtime > _ABANDONED_SECONDS:
                    _removed_unlocked(path)
            elif entry.LOCK_NAME.fullmatch(path.name):
                with lock.hold(path, str(path)):  # which removes it
                    pass


def _used(folder: pathlib.Path) -> Iterator[tuple[int, str, int]]:
    """When an entry was used, its name and its bytes."""
    with os.scandir(folder) as listing:
        for each in listing:
            if entry.NAME.fullmatch(each.name):
                with contextlib.suppress(FileNotFoundError):  # another process makes room as well
                    about = each.stat(follow_symlinks=False)
                    yield about.st_mtime_ns, each.name, about.st_size


def _removed(path: pathlib.Path) -> bool:
    """Removes an entry that no process is making or has started from."""
    stage = entry.stage(path)
    return lock.is_free(path.with_name(f"{stage}{LOCK}")) and _removed_unlocked(path)


def _removed_unlocked(path: pathlib.Path) -> bool:
    """Whether the file is gone now: it was no link, and no one held it."""
    if path.is_symlink():
        return False
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink(missing_ok=True)
    return True
