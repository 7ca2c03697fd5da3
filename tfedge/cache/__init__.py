"""The one store of finished stages: named bytes under a key, for several processes at once.

    stages = cache.open_at("~/.cache/tfedge", gigabytes=10)
    found = stages.read(key)                       # {"model.tflite": bytes}, or None
    if found is None:
        with stages.making(key, "exporting"):      # others who want the same wait for it
            found = stages.read(key) or make()
            stages.write(key, found)

A key is made of all that the bytes depend on; see `compress.checkpoint`. What is damaged is as good
as missing. A store that fails is told in one line, and the run goes on without it.
"""

import contextlib
import math
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping

from absl import logging

from tfedge import errors, lock, plain_text
from tfedge.cache import entry, eviction, marked_folder

DEFAULT_GIGABYTES = 10.0
REMEDY = entry.REMEDY
_LONGEST = 300  # characters of what is said of an entry that cannot be used
_WRITERS = 8  # processes that may fill a cache at once without it becoming larger than it may be
Files = Mapping[str, bytes]


class Cache:
    """Entries of a folder that is ours; see `open_at`.

    Attributes:
        folder: where they are.
        most_bytes: of all of them; None for no limit.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        remedy: str,
        most_bytes: int | None = None,
        may_fail: bool = True,
    ):
        """Claims the folder.

        Args:
            folder: absolute; made if it is missing.
            remedy: what to do about one that cannot be used.
            most_bytes: see there.
            may_fail: whether a disk that refuses to write is only told.

        Raises:
            BadInput: it holds what is not ours, or cannot be made.
            OSError: the disk failed.
        """
        self.folder, self.most_bytes = folder, most_bytes
        self._remedy, self._may_fail = remedy, may_fail
        self._said: set[str] = set()
        self._unlooked = 0  # bytes that may be written before the folder is looked through
        marked_folder.claim(folder, remedy)
        eviction.sweep(folder)

    def read(self, key: str, part: str = "") -> dict[str, bytes] | None:
        """The files of an entry as they were written; None where there is none, or a damaged one.

        Args:
            key: of the stage.
            part: of a stage that is not finished; its entries go with `drop_parts`.
        """
        path = entry.path_of(self.folder, key, part)
        try:
            found = entry.read(path)
        except FileNotFoundError:
            return None
        except (OSError, errors.BadInput) as error:
            self.refuse(key, error, part)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return found

    def write(self, key: str, files: Files, part: str = "") -> None:
        """Keeps files, whole or not at all; what was not used for longest goes where it is full.

        Args:
            key: see `read`.
            files: content by name.
            part: see `read`.
        """
        path = entry.path_of(self.folder, key, part)
        size = sum(map(len, files.values()))
        if self.most_bytes is not None and size > self.most_bytes:
            self._say(f"{size:,} bytes are more than it may hold ({self.most_bytes:,}): not kept")
            return
        with self._attempt():
            self._claim_again()
            entry.write(path, files)
            self._unlooked -= size
            if self.most_bytes is not None and self._unlooked < 0:
                free = eviction.make_room(self.folder, self.most_bytes, path.name)
                self._unlooked = free // _WRITERS

    def made(self, key: str, what: str, make: Callable[[], Files]) -> Files:
        """The files of a stage: taken over, else made and kept.

        Args:
            key: of the stage.
            what: is made, for the log.
            make: makes it.
        """
        found = self.read(key)
        if found is None:
            with self.making(key, what):
                found = self.read(key)  # who was waited for may have made it
                if found is None:
                    files = make()
                    self.write(key, files)
                    return files
        logging.info("%s: taken over from %s", what, self.folder)
        return found

    @contextlib.contextmanager
    def making(self, key: str, what: str, source: str = "") -> Iterator[None]:
        """While the block runs, other processes wait that want to make the same, and keep it.

        What is there of it, and what it is made from, is not removed to make room.

        Args:
            key: of the stage.
            what: is made, for who waits.
            source: the key of what it is made from, if that is an entry.
        """
        with contextlib.ExitStack() as held:
            with self._attempt():
                self._claim_again()
                path = self.folder / f"{key}{eviction.LOCK}"
                held.enter_context(lock.hold(path, what, waits=True))
            if source:
                held.enter_context(eviction.spared(entry.path_of(self.folder, source)))
            yield

    def drop_parts(self, key: str) -> None:
        """Removes what was kept of a stage before it was finished."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"{key}-*"):
                if entry.NAME.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def refuse(self, key: str, error: Exception, part: str = "") -> None:
        """Removes an entry whose content turned out to be unusable, and says so."""
        path = entry.path_of(self.folder, key, part)
        said = getattr(error, "strerror", None) or f"{error}" or type(error).__name__
        said = plain_text.printable(" ".join(said.split())[:_LONGEST])
        logging.warning("%s cannot be used, its work is done again: %s", path, said)
        with contextlib.suppress(OSError):
            path.unlink()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was kept."""
        return not any(map(entry.NAME.fullmatch, os.listdir(self.folder)))

    def clear(self) -> None:
        """Removes all that is ours, and the folder if nothing else is in it.

        A disk that refuses leaves it.
        """
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if entry.is_ours(path):
                    path.unlink()
            marked_folder.remove(self.folder)
        if self.folder.exists():
            logging.warning(
                "%s stays: it holds files that are not ours, or cannot be removed", self.folder
            )

    def _claim_again(self) -> None:
        """Someone may have deleted the folder since."""
        if not marked_folder.is_ours(self.folder):
            marked_folder.claim(self.folder, self._remedy)
            logging.warning("%s was deleted while in use: what it held is made again", self.folder)

    @contextlib.contextmanager
    def _attempt(self) -> Iterator[None]:
        """Something without which a run can go on, if it may."""
        try:
            yield
        except (OSError, errors.BadInput) as error:
            if not self._may_fail:
                raise
            said = getattr(error, "strerror", None) or error
            self._say(f"cannot be written ({said}): the run goes on, and keeps nothing more")

    def _say(self, text: str) -> None:
        """Once."""
        if text not in self._said:
            logging.warning("%s: %s", self.folder, text)
        self._said.add(text)


def open_at(folder: str | os.PathLike, gigabytes: float = DEFAULT_GIGABYTES) -> Cache:
    """A cache that stays.

    Args:
        folder: where it is; made if it is missing.
        gigabytes: that all entries may take together; those not used for longest go first.

    Raises:
        BadInput: the folder holds what is not ours, or cannot be made; no such number.
    """
    if not 0 < gigabytes < math.inf:
        raise errors.BadInput(
            f"--cache_gigabytes={gigabytes}", "expected a number above 0", "Leave it out for 10."
        )
    path = pathlib.Path(os.path.realpath(os.path.expanduser(folder)))
    remedy = "Give a new or empty folder with --cache_dir."
    try:
        return Cache(path, remedy, int(gigabytes * 1e9))
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise errors.BadInput(str(path), f"no cache can be made there ({said})", remedy) from error
