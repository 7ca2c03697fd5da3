"""`DIR.work`: where finished passes wait, beside the release, for a run that goes on.

A folder is ours if this program marked it when it made it. Anybody else's is refused before any
work is done, and what others put into ours stays when the rest goes.
"""

import contextlib
import errno
import os
import pathlib
import re
from collections.abc import Iterator

from absl import logging

from tfedge import errors

_REMEDY = "Move it away, or give another --output_dir."
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_MARK = "made_by_tfedge.txt"
_WORDS = b"Finished passes of a run that did not come to its end; it goes on from here.\n"
_PASS = re.compile(r"\d+-\w+-[0-9a-f]{16}")
_FILE = re.compile(r".+\.(npz|writing|keras)|" + re.escape(_MARK))


@contextlib.contextmanager
def open_for(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The work folder of an output folder that this process has locked.

    It is gone after a run that came to its end, and stays, if it holds anything, after another.

    Raises:
        BadInput: something of someone else's has its name; its disk fails, now or later.
    """
    work = folder.with_name(f"{folder.name}.work")
    with _failing_disk(work):
        _claim(work)
        try:
            yield work
        except BaseException:
            with contextlib.suppress(OSError):
                if os.listdir(work) == [_MARK]:
                    _clear(work)
            raise
    _clear(work)


@contextlib.contextmanager
def _failing_disk(work: pathlib.Path) -> Iterator[None]:
    """In one line what a disk refused to the run; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise errors.BadInput(
            error.filename or str(work),
            f"the disk refused to write ({os.strerror(error.errno).lower()})",
            "Free some space; the same command then goes on from what is finished.",
        ) from error


def _claim(work: pathlib.Path) -> None:
    if work.is_symlink() or (work.exists() and not work.is_dir()):
        raise errors.BadInput(
            str(work), "expected a folder for unfinished work, found a file or link", _REMEDY
        )
    work.mkdir(exist_ok=True)
    mark = work / _MARK
    names = os.listdir(work)
    if names and (mark.is_symlink() or not mark.is_file() or mark.read_bytes() != _WORDS):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise errors.BadInput(
            str(work),
            f"this folder is not one of ours, and its name is needed (it holds"
            f" {', '.join(sorted(names)[:3])}{more})",
            _REMEDY,
        )
    if not names:
        mark.write_bytes(_WORDS)


def _clear(work: pathlib.Path) -> None:
    """Removes our files; a disk that refuses leaves them to the next run."""
    with contextlib.suppress(OSError):
        for each in sorted(work.iterdir()):
            if _PASS.fullmatch(each.name) and each.is_dir() and not each.is_symlink():
                _clear_files(each)
        _clear_files(work)
    if work.exists():
        logging.warning("%s stays: it holds files that are not ours, or cannot be removed", work)


def _clear_files(folder: pathlib.Path) -> None:
    """Our files in one folder, the mark last; then the folder, if nothing else is in it."""
    ours = [each for each in folder.iterdir() if _FILE.fullmatch(each.name) and each.is_file()]
    others = len(list(folder.iterdir())) - len(ours)
    for each in sorted(ours, key=lambda each: each.name == _MARK):
        if each.name != _MARK or not others:
            each.unlink()
    if not others:
        folder.rmdir()
