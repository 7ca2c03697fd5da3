"""A folder that is ours: this program marked it when it made it. No one else's is touched."""

import contextlib
import errno
import os
import pathlib

from tfedge import errors

MARK = "made_by_tfedge.txt"
_WORDS = b"Finished stages of making models: tfedge takes them over. To be deleted at any time.\n"


def claim(folder: pathlib.Path, remedy: str) -> None:
    """Makes the folder and its mark, where they are missing.

    Args:
        folder: absolute.
        remedy: what to do about a folder that cannot be used.

    Raises:
        BadInput: it is someone else's, or cannot be made.
        OSError: the disk failed.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise errors.BadInput(
            str(folder), "expected a folder for finished stages, found a file or link", remedy
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = os.listdir(folder)
        if is_ours(folder):
            return
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG}:
            raise
        cause = f"it cannot be used as a folder ({os.strerror(error.errno).lower()})"
        raise errors.BadInput(str(folder), cause, remedy) from error
    if names not in ([], [MARK]) or not _is_being_marked(folder):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise errors.BadInput(
            str(folder),
            f"this folder is not one of ours (it holds {', '.join(sorted(names)[:3])}{more})",
            remedy,
        )
    (folder / MARK).write_bytes(_WORDS)


def is_ours(folder: pathlib.Path) -> bool:
    """Whether it is there and has the mark."""
    mark = folder / MARK
    return not mark.is_symlink() and mark.is_file() and mark.read_bytes() == _WORDS


def remove(folder: pathlib.Path) -> None:
    """Removes the mark and the folder if nothing else is in it.

    Raises:
        OSError: the disk refused.
    """
    if os.listdir(folder) == [MARK]:
        (folder / MARK).unlink()
    with contextlib.suppress(FileNotFoundError):
        if not os.listdir(folder):
            folder.rmdir()


def _is_being_marked(folder: pathlib.Path) -> bool:
    """By another process, or by one that was killed at it: there is a part of the mark, or none."""
    mark = folder / MARK
    if mark.is_symlink() or (mark.exists() and not mark.is_file()):  # nobody waits for a pipe
        return False
    return not mark.exists() or _WORDS.startswith(mark.read_bytes())
