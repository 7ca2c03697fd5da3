"""Which folders a release can be put into, and which are someone's and are left alone."""

import os
import pathlib
from collections.abc import Mapping

from tfedge import errors
from tfedge.release.publishing import manifest

_LEAST_FREE_BYTES = 1 << 16  # of a folder that is claimed; what is written is counted then
_BLOCK_BYTES = 4096  # a file takes whole blocks of the disk
_LONGEST_NAME_BYTES = 230  # leaves room in 255 for what is written beside the folder


def needed_bytes(files: Mapping[str, bytes]) -> int:
    """What these files take on a disk, the folder included."""
    return sum(-(-len(content) // _BLOCK_BYTES) + 1 for content in files.values()) * _BLOCK_BYTES


def refuse_unusable(folder: pathlib.Path, needed: int = _LEAST_FREE_BYTES) -> None:
    """Raises BadInput for a folder that cannot be exchanged with a release.

    Args:
        folder: absolute and free of links; may be missing, its parent exists.
        needed: bytes that are to be written beside it.
    """
    space = os.statvfs(folder.parent)
    free = space.f_bavail * space.f_frsize
    if free < needed:
        raise errors.BadInput(
            str(folder),
            f"no space left on its disk: {needed:,} bytes are needed, {free:,} are free",
            "Free some space.",
        )
    cause = _unusable(folder)
    if cause is None and is_read_only(folder.parent):
        cause = "the folder that it is to be in is read-only"
    if cause:
        raise errors.BadInput(str(folder), cause, "Give a new or empty folder with --output_dir.")


def is_read_only(folder: pathlib.Path) -> bool:
    """Whether its owner marked it so, which the system lets the superuser ignore, or we may not."""
    return not os.access(folder, os.W_OK | os.X_OK) or not folder.stat().st_mode & 0o222


def _unusable(folder: pathlib.Path) -> str | None:
    if len(os.fsencode(folder.name)) > _LONGEST_NAME_BYTES:
        return f"its name is longer than {_LONGEST_NAME_BYTES} bytes"
    return _unusable_content(folder) if os.path.lexists(folder) else None


def _unusable_content(folder: pathlib.Path) -> str | None:
    if not folder.is_dir():
        return "expected a folder, found a file"
    if is_read_only(folder):
        return "it is read-only"
    if _is_mount(folder) or folder == pathlib.Path.cwd():
        return "it is a mount point or the current folder, which cannot be exchanged as a whole"
    return _foreign(folder)


def _foreign(folder: pathlib.Path) -> str | None:
    """Names what is in a folder and not as we wrote it: publishing would delete it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listed = manifest.read(descriptor)
        found = [f"{name} {what}" for name, what in manifest.strangers(descriptor, listed).items()]
        if listed is None and manifest.NAME in os.listdir(descriptor):
            found.append(f"{manifest.NAME} is not of a release")
    finally:
        os.close(descriptor)
    if not found:
        return None
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"it holds what is not as a release was written: {', '.join(found[:3])}{more}"


def _is_mount(folder: pathlib.Path) -> bool:
    """Also sees bind mounts, as of a container, where the system lists them."""
    mounts = pathlib.Path("/proc/self/mountinfo")
    escaped = str(folder).replace("\\", "\\134").replace(" ", "\\040")
    listed = mounts.read_text().splitlines() if mounts.exists() else []
    return os.path.ismount(folder) or any(line.split()[4] == escaped for line in listed)
