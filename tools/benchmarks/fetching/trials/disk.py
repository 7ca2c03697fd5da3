"""The disk refuses the n-th call of an update, for every n: it is told, and nothing is lost."""

import errno
import os
import pathlib
import random
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Bed, Row

from tfedge.delivery.fetch import part

_CALLS = ("open", "write", "fsync", "replace", "rename", "mkdir", "symlink", "unlink", "ftruncate")


def run(folder: pathlib.Path, tries: int, draw: random.Random) -> Iterator[Row]:
    """Every call where `tries` is 0, else so many of them."""
    made, store = Bed(folder, bed.small_models()), folder / "store"
    with made.server() as server:
        client = made.client(server.address, store)
        client.update()
        made.used(client)
        before = shutil.copytree(store, folder / "before")
        made.publish()
        with _Failing(0) as counted:
            client.update()
        every = range(1, counted.calls + 1)
        wrong, kept = 0, 0
        for number in sorted(draw.sample(every, min(tries, len(every)))) if tries else every:
            shutil.rmtree(store)
            shutil.copytree(before, store)
            with _Failing(number):
                ended = client.update()
                used = made.used(client)
            kept += ended.version == 1
            wrong += used != ended.version
            wrong += client.update().version != 2 or made.used(client) != 2
    note = f"{kept} times the version before was used until the next update"
    yield Row("a call that writes fails", min(tries or len(every), len(every)), wrong, note)


class _Failing:
    """While it is entered, the n-th call that writes to the disk fails; 0 for none.

    Attributes:
        calls: how many there were.
    """

    def __init__(self, number: int):
        self.calls, self._number = 0, number
        self._patches = [
            mock.patch.object(os, name, self._wrapped(getattr(os, name))) for name in _CALLS
        ]
        self._patches.append(mock.patch.object(part.Part, "append", self._wrapped(_APPEND)))

    def __enter__(self) -> "_Failing":
        for each in self._patches:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._patches:
            each.stop()

    def _wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls == self._number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **named)

        return failing


_APPEND = part.Part.append
