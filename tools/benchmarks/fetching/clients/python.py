"""The client in Python, in this process, its store on the disk."""

import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from tfedge_tools.benchmarks.fetching.bed import Bed
from tfedge_tools.benchmarks.fetching.client import Calls, Ended

from tfedge import errors
from tfedge.delivery.fetch import part

_OPEN = os.open
_CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir", "symlink", "unlink", "ftruncate")
IN_THIS_PROCESS = True
HAS_FAULTS = True


def missing() -> str:
    """Nothing."""
    return ""


@contextlib.contextmanager
def opened(folder: pathlib.Path, bed: Bed, address: str) -> Iterator["Installed"]:
    """See `clients`."""
    yield Installed(folder / "store", bed, address)


class Installed:
    """See `client.Client`."""

    def __init__(self, store: pathlib.Path, bed: Bed, address: str):
        self.store, self._bed, self._address = store, bed, address
        self._kept = store.with_name("kept")
        self.begin()

    def begin(self) -> None:
        """See `Client`."""
        shutil.rmtree(self.store, ignore_errors=True)
        self.again()

    def keep(self) -> None:
        """See `Client`."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.store, self._kept, symlinks=True)

    def back(self) -> None:
        """See `Client`."""
        shutil.rmtree(self.store)
        shutil.copytree(self._kept, self.store, symlinks=True)
        self.again()

    def again(self) -> None:
        """See `Client`."""
        self.client = self._bed.client(self._address, self.store)

    def update(self, attempts: int = 50) -> Ended:
        """See `Client`."""
        client = self._bed.client(self._address, self.store, attempts)
        told = client.update()
        return Ended(told.version, told.reason, told.received)

    def used(self) -> tuple[int, str] | None:
        """See `Client`."""
        try:
            with self.client.using() as model:
                return model.version, hashlib.sha256(model.content).hexdigest()
        except errors.BadInput:
            return None

    @contextlib.contextmanager
    def failing(self, number: int) -> Iterator[Calls]:
        """See `Client`; calls of the operating system that write."""
        calls = Calls()

        def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
            def failing(*arguments: Any, **named: Any) -> Any:
                calls.count += _writes(call, arguments)
                if calls.count == number and _writes(call, arguments):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return call(*arguments, **named)

            return failing

        with contextlib.ExitStack() as patched:
            for name in _CALLS:
                call = wrapped(getattr(os, name))
                patched.enter_context(mock.patch.object(os, name, call))
            append = wrapped(part.Part.append)
            patched.enter_context(mock.patch.object(part.Part, "append", append))
            yield calls


def _writes(call: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether it needs room; a full disk can be read."""
    return call is not _OPEN or bool(arguments[1] & (os.O_WRONLY | os.O_RDWR))
