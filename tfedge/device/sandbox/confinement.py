"""What a child gives up for good before it opens a stranger's file: the network, and the disk.

Linux lets any process leave its network behind (namespaces, 3.8) and forbid itself to write but
below named folders (Landlock, 5.13). Both hold for all that the child starts. Elsewhere neither
does, and the caller is told.
"""

import contextlib
import ctypes
import os
import pathlib
import struct
import sys
from collections.abc import Sequence

_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000  # <linux/sched.h>
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_NO_NEW_PRIVILEGES = 38  # prctl(2)
_BELOW_PATH = 1
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
# Writing, removing and making of every kind, of the first version of Landlock.
_WRITES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))
# What later versions know, by the first that does. Without the right to refer, moving a file to
# another folder fails, also where both folders may be written to.
_LATER = {2: _REFER, 3: _TRUNCATE}


def enter(writable: Sequence[pathlib.Path]) -> dict[str, str]:
    """Cuts the network and all writing but below these folders, for this process and its children.

    Returns:
        "network" and "writing", each "" where it is cut, else why it is not.
    """
    if sys.platform != "linux":
        return dict.fromkeys(("network", "writing"), f"{sys.platform} has no such limit")
    library = ctypes.CDLL(None, use_errno=True)
    return {"network": _cut_network(library), "writing": _cut_writing(library, writable)}


def _cut_network(library: ctypes.CDLL) -> str:
    """In a namespace without any device but its own loopback, which is down."""
    for flags in (_NEW_NETWORK, _NEW_NETWORK | _NEW_USER):  # the superuser needs no namespace
        if not library.unshare(flags):
            return ""
    return os.strerror(ctypes.get_errno())


def _cut_writing(library: ctypes.CDLL, writable: Sequence[pathlib.Path]) -> str:
    version = library.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return os.strerror(ctypes.get_errno())
    handled = _WRITES | sum(right for first, right in _LATER.items() if version >= first)
    asked = struct.pack("=Q", handled)
    rules = library.syscall(_CREATE_RULESET, asked, len(asked), 0)
    if rules < 0:
        return os.strerror(ctypes.get_errno())
    try:
        for folder in writable:
            _allow(library, rules, folder, handled)
        _allow(library, rules, pathlib.Path(os.devnull), handled & (_WRITE_FILE | _TRUNCATE))
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        failed = library.syscall(_RESTRICT_SELF, rules, 0)
        return os.strerror(ctypes.get_errno()) if failed else ""
    finally:
        os.close(rules)


def _allow(library: ctypes.CDLL, rules: int, path: pathlib.Path, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = struct.pack("=Qi", rights, opened)
            library.syscall(_ADD_RULE, rules, _BELOW_PATH, rule, 0)
        finally:
            os.close(opened)
