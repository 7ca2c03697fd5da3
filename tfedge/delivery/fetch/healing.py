"""A store in which something else lies at one of our names: a pipe, a folder, a link.

Whoever reads a pipe waits for ever, and no file can be renamed over a folder, so that a phone would
stay at its version until somebody looks. Nothing is deleted: what is in the way gets another name.
"""

import contextlib
import os
import pathlib
import re
import secrets
import stat

from absl import logging

_FILES = re.compile(r"state\.json|installation|(update|state|first_use)\.lock|\..*\.tfedge-part")
_METADATA = re.compile(r"(root|timestamp|snapshot|targets)\.json")
_ROOTS = re.compile(r"[0-9]+\.root\.json")
_PARTS = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[1-9][0-9]{0,17}(\.new)?")
_IN_VERSION = re.compile(r"version\.json|sealed|\..*\.tfedge-part")
_LINK = re.compile(r"root_history/[0-9]+\.root\.json")  # python-tuf's


def heal(folder: pathlib.Path) -> None:
    """Moves aside what is not of the kind that belongs there.

    Args:
        folder: of the store, which is ours.

    Raises:
        OSError: the disk refused.
    """
    _only(folder, _FILES)
    metadata, versions = folder / "metadata", folder / "versions"
    for each in (metadata, metadata / "root_history", folder / "parts", versions):
        _folder(each)
    _only(metadata, _METADATA)
    _only(metadata / "root_history", _ROOTS)
    _only(folder / "parts", _PARTS)
    for name in _names(versions):
        if _VERSION.fullmatch(name):
            _folder(versions / name)
            _only(versions / name, _IN_VERSION)


def _only(folder: pathlib.Path, names: re.Pattern[str]) -> None:
    """Plain files at these names."""
    for name in filter(names.fullmatch, _names(folder)):
        path = folder / name
        kind = _kind(path)
        if kind and not stat.S_ISREG(kind) and not _is_link_to_root(path, kind):
            _move(path)


def _folder(path: pathlib.Path) -> None:
    kind = _kind(path)
    if kind and not stat.S_ISDIR(kind):
        _move(path)


def _names(folder: pathlib.Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _kind(path: pathlib.Path) -> int:
    """The mode of what is there itself, 0 for nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_link_to_root(path: pathlib.Path, kind: int) -> bool:
    is_root = path.name == "root.json" and stat.S_ISLNK(kind)
    return is_root and bool(_LINK.fullmatch(os.readlink(path)))


def _move(path: pathlib.Path) -> None:
    aside = path.with_name(f"{path.name}.not-ours-{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):  # another process was here
        path.rename(aside)
        logging.warning("%s is nothing that was written here; it is %s now", path, aside.name)
