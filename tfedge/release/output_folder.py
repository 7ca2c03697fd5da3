"""Which folders a release can be put into, and which are someone's and are left alone."""

import os
import pathlib
from collections.abc import Iterable

from tfedge import errors
from tfedge.release import manifest

_LEAST_FREE_BYTES = 1 << 20
_LONGEST_NAME_BYTES = 230  # leaves room in 255 for what is written beside the folder


def refuse_unusable(folder: pathlib.Path) -> None:
    """Raises BadInput for a folder that cannot be exchanged with a release.

    Args:
        folder: absolute and free of links; may be missing, its parent exists.
    """
    space = os.statvfs(folder.parent)
    if space.f_bavail * space.f_frsize < _LEAST_FREE_BYTES:
        raise errors.BadInput(str(folder), "no space left on its disk", "Free some space.")
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
    return _foreign(folder, os.listdir(folder))


def _foreign(folder: pathlib.Path, names: Iterable[str]) -> str | None:
    """Names what is in a folder and not ours: publishing would delete it."""
    present = set(names) - manifest.DROPPINGS
    if not present:
        return None
    listing = folder / manifest.NAME
    content = listing.read_bytes() if listing.is_file() else None
    listed = manifest.parse(content)
    ours = {manifest.NAME, *listed["files"]} if listed else set()
    foreign = sorted(present - ours)
    if not foreign:
        return None
    more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
    return f"it holds files that are not a release's: {', '.join(foreign[:3])}{more}"


def _is_mount(folder: pathlib.Path) -> bool:
    """Also sees bind mounts, as of a container, where the system lists them."""
    mounts = pathlib.Path("/proc/self/mountinfo")
    escaped = str(folder).replace("\\", "\\134").replace(" ", "\\040")
    listed = mounts.read_text().splitlines() if mounts.exists() else []
    return os.path.ismount(folder) or any(line.split()[4] == escaped for line in listed)
