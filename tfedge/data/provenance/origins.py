"""Where the examples of a task come from, in words that a user finds them by.

An example is a file, named by its path below the data folder, or a row of an array: "x_test:12",
or "12" where the data are one array. Its SHA-256 is that of the file's bytes, or of the row's
(`hashlib.sha256(x[12].tobytes())`; of several inputs, of their rows in the order of their names).
"""

import abc
import functools
import hashlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfedge.data import splits

_BATCH = 256
_SETTLED_NS = 2_000_000_000  # a file written just now may be written again at the same tick


class Origin(abc.ABC):
    """Where the examples of one split come from."""

    @abc.abstractmethod
    def names(self) -> list[str]:
        """What each example is called."""

    @abc.abstractmethod
    def digests(self, split: splits.Split) -> Iterator[str]:
        """The SHA-256 of each example, as 64 hexadecimal digits."""

    @abc.abstractmethod
    def holds(self, name: str) -> bool:
        """Whether the data this split is a part of have an example of that name."""


@dataclass(frozen=True, eq=False)
class Files(Origin):
    """Files of a folder.

    Args:
        folder: of the data.
        paths: of the files, (n,) below or with `folder`.
    """

    folder: pathlib.Path
    paths: Sequence[str]

    def names(self) -> list[str]:
        """See `Origin.names`."""
        return [pathlib.Path(path).relative_to(self.folder).as_posix() for path in self.paths]

    def digests(self, split: splits.Split) -> Iterator[str]:
        """See `Origin.digests`."""
        yield from map(file_digest, self.paths)

    def holds(self, name: str) -> bool:
        """See `Origin.holds`."""
        return (self.folder / name).is_file()


@dataclass(frozen=True, eq=False)
class Rows(Origin):
    """Rows of an array.

    Args:
        array: its name; "" where the data have no other.
        length: how many rows it has.
        rows: (n,) the numbers of those in the split, or () -> these.
    """

    array: str
    length: int
    rows: np.ndarray | Callable[[], np.ndarray]

    def names(self) -> list[str]:
        """See `Origin.names`."""
        rows = self.rows() if callable(self.rows) else self.rows
        return [self.name_of(row) for row in rows.tolist()]

    def name_of(self, row: int) -> str:
        """What a row is called."""
        return f"{self.array}:{row}".removeprefix(":")

    def digests(self, split: splits.Split) -> Iterator[str]:
        """See `Origin.digests`."""
        for x, _ in split.batches(_BATCH):
            arrays = [array for _, array in sorted(splits.named(x).items())]
            for row in range(splits.count(x)):
                content = b"".join(array[row].tobytes() for array in arrays)
                yield hashlib.sha256(content).hexdigest()

    def holds(self, name: str) -> bool:
        """See `Origin.holds`."""
        array, _, row = name.rpartition(":")
        return array == self.array and row.isdecimal() and int(row) < self.length


def file_digest(path: str | pathlib.Path) -> str:
    """The SHA-256 of a file, which is read once as long as it stays the same."""
    about = os.stat(path)
    if time.time_ns() - about.st_mtime_ns < _SETTLED_NS:
        return _read_digest(path)
    return _known_digest(str(path), about.st_mtime_ns, about.st_size)


@functools.lru_cache(maxsize=1 << 20)
def _known_digest(path: str, _: int, __: int) -> str:
    return _read_digest(path)


def _read_digest(path: str | pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
