"""A file that is being downloaded: what came is on the disk, compared with signed hashes.

It is never longer than what has come - no length is set beforehand, so that a file of the right
size is no half of one - and nothing in it is believed when it is opened again.
"""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import BinaryIO

from tfedge.delivery.fetch import reasons
from tfedge.delivery.fetch.retrying import Interrupted

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A file as signed metadata tell it.

    Attributes:
        name: of the file, for messages.
        url: where it is.
        length: bytes.
        sha256: of all of it, in hexadecimal.
        chunk_bytes: the length of each chunk but the last.
        chunks: SHA-256 of each, in hexadecimal.
    """

    name: str
    url: str
    length: int
    sha256: str
    chunk_bytes: int
    chunks: Sequence[str]

    def chunk(self, number: int) -> tuple[int, int]:
        """Where a chunk begins and ends."""
        start = number * self.chunk_bytes
        return start, min(self.length, start + self.chunk_bytes)


class Part:
    """The beginning of a file, open for more.

    Attributes:
        size: of what is there; all before the chunk that it ends in was compared.
        checked: of that, as of whole chunks.
    """

    def __init__(self, path: pathlib.Path, wanted: Wanted):
        """Opens or makes the file, and compares what is in it.

        Raises:
            OSError: the disk refused.
        """
        self._wanted = wanted
        self._file: BinaryIO = os.fdopen(os.open(path, _OPEN, 0o600), "r+b")
        self.size = self.checked = 0
        self._digest = hashlib.sha256()
        self._compare_again()

    def append(self, data: bytes) -> None:
        """More of it.

        Raises:
            Interrupted: a chunk is not what was signed; it is dropped.
            OSError: the disk refused.
        """
        rest = memoryview(data)
        while rest:
            _, end = self._wanted.chunk(self._number)
            taken = rest[: end - self.size]
            self._file.write(taken)
            self._count(taken)
            rest = rest[len(taken) :]
            if self.size == end and not self._is_good():
                number = self._number
                self.drop_unchecked()
                cause = f"chunk {number} of {self._wanted.name} is not what was signed"
                raise Interrupted(cause, reasons.ARBITRARY)

    def drop_unchecked(self) -> None:
        """Takes back what is behind the last whole chunk."""
        self._file.seek(self.checked)
        self._file.truncate()
        self.size, self._digest = self.checked, hashlib.sha256()

    def flush(self) -> None:
        """All of it down to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file, which stays."""
        self._file.close()

    @property
    def _number(self) -> int:
        return self.checked // self._wanted.chunk_bytes

    def _count(self, data: bytes | memoryview) -> None:
        self.size += len(data)
        self._digest.update(data)

    def _is_good(self) -> bool:
        """Whether the chunk that ends here is the signed one; if so, the next begins."""
        if self._digest.hexdigest() != self._wanted.chunks[self._number]:
            return False
        self.checked, self._digest = self.size, hashlib.sha256()
        return True

    def _compare_again(self) -> None:
        while self.size < self._wanted.length:
            _, end = self._wanted.chunk(self._number)
            data = self._file.read(end - self.size)
            self._count(data)
            if self.size < end:
                return  # the next bytes go behind it, and tell whether it was good
            if not self._is_good():
                break
        self.drop_unchecked()
