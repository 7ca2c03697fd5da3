"""One signed file from the network to the disk, however often it is interrupted."""

import contextlib
import pathlib
from collections.abc import Callable

from tfedge.delivery import writing
from tfedge.delivery.fetch import reasons, web
from tfedge.delivery.fetch.part import Part, Wanted
from tfedge.delivery.fetch.retrying import Interrupted

Progress = Callable[[int, int], None]
_MOST_MISREAD = 2  # questions for a part that were answered by something else


def download(wanted: Wanted, path: pathlib.Path, way: web.Web, progress: Progress) -> None:
    """Fetches what is missing of a file; then all of it is at `path`, compared and on the disk.

    Args:
        wanted: what was signed.
        path: of the file, which may hold the beginning of it.
        way: to it.
        progress: gets how many bytes are there, and of how many.

    Raises:
        Unavailable: it cannot be had now; what came stays.
        Postponed: it may not be had now; likewise.
        OSError: the disk refused; likewise.
    """
    with contextlib.closing(Part(path, wanted)) as part:
        way.allowance.check_metered(wanted.name)
        asking = _Asking(wanted, part, way, progress)
        way.retries.until_done(asking.go_on)
        part.flush()
    writing.to_disk(path.parent)


class _Asking:
    """Requests for one file, with what was learned of the server meanwhile."""

    def __init__(self, wanted: Wanted, part: Part, way: web.Web, progress: Progress):
        self._wanted, self._part, self._way, self._progress = wanted, part, way, progress
        self._etag = ""
        self._misread = 0
        self._furthest = part.checked, part.size

    def go_on(self) -> None:
        """Requests until all of it is there or one of them fails."""
        before = self._furthest
        try:
            while self._part.size < self._wanted.length:
                self._ask()
        except Interrupted as error:
            self._misread += error.misread
            self._furthest = max(before, (self._part.checked, self._part.size))
            error.moved = self._furthest > before
            raise

    def _ask(self) -> None:
        # Who cannot tell parts sends all of it, of which what is there is left out.
        start = self._part.size if self._misread < _MOST_MISREAD else 0
        etag, self._etag = self._etag, ""  # not said again where it was the reason of a refusal
        with self._way.ask(self._wanted.url, start, etag) as answer:
            is_another = bool(start and etag) and answer.start == 0
            # The signed hashes decide whether it is another file. What is missing is asked for
            # once more without a condition, before all of it is read again.
            if not is_another:
                self._etag = answer.etag
                self._take(answer)

    def _take(self, answer: web.Answer) -> None:
        name, length = self._wanted.name, self._wanted.length
        if answer.length not in (None, length):
            self._part.drop_unchecked()
            told = f"{answer.length:,} bytes at the server, and {length:,} were signed"
            raise Interrupted(f"{name} has {told}", reasons.ARBITRARY)
        known = self._part.size - answer.start  # again, of a server that always sends all of it
        at_once = min(self._wanted.chunk_bytes, web.PIECE_BYTES)
        for piece in self._way.pieces(answer, length - answer.start, at_once):
            self._part.append(piece[known:])
            known = max(0, known - len(piece))
            self._progress(self._part.size, length)
            self._way.allowance.check_metered(name)
        if self._part.size < length:
            raise Interrupted(f"{name} ended at byte {self._part.size:,} of {length:,}")
