"""`DIR.work`: the cache beside the release that serves a run that goes on, and ends with it.

A folder of someone else's is refused before any work is done, and what others put into ours stays
when the rest goes.
"""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

from tfedge import cache, errors

_REMEDY = "Move it away, or give another --output_dir."
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


@contextlib.contextmanager
def open_for(folder: pathlib.Path) -> Iterator[cache.Cache]:
    """The work folder of an output folder that this process has locked.

    It is gone after a run that came to its end, and stays, if it holds anything, after another.

    Raises:
        BadInput: something of someone else's has its name; its disk fails, now or later.
    """
    work = folder.with_name(f"{folder.name}.work")
    with _failing_disk(work):
        stages = cache.Cache(work, _REMEDY, may_fail=False)
        try:
            yield stages
        except BaseException:
            with contextlib.suppress(OSError):
                if stages.is_empty:
                    stages.clear()
            raise
    stages.clear()


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
