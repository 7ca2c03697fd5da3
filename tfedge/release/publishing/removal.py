"""Removes a release that was replaced, or the part of one that a killed run left; never more."""

import os
import pathlib

from tfedge.release.publishing import manifest


def remove(folder: pathlib.Path, partly_written: bool = False) -> dict[str, str]:
    """Deletes what a release folder holds as its manifest says, then the folder.

    The manifest goes last: a run killed in between leaves a folder that is still recognised.

    Args:
        folder: of a release.
        partly_written: whether a killed run may have left files shorter than they were to be.

    Returns:
        What is not ours and was left there with its folder: name -> what happened to it.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        listed = manifest.read(descriptor)
        foreign = manifest.strangers(descriptor, listed)
        if partly_written and listed:
            foreign = {
                name: what
                for name, what in foreign.items()
                if not _is_part(descriptor, name, listed["files"])
            }
        for name in sorted(set(os.listdir(descriptor)) - {manifest.NAME, *foreign}):
            os.unlink(name, dir_fd=descriptor)
        if not foreign and manifest.NAME in os.listdir(descriptor):
            os.unlink(manifest.NAME, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    if not foreign:
        os.rmdir(folder)
    return foreign


def _is_part(descriptor: int, name: str, listed: dict) -> bool:
    size = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size
    return name in listed and size < listed[name]["bytes"]
