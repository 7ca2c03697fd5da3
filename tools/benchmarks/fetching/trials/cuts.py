"""The connection is cut at every byte of every answer: of a small repository, then of a large one.

Of a small one that is every byte that a first fetch and an update bring, of each status line and
header too; at some of them the app ends as well, and goes on when it is started again.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import pathlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Asked, Bed, Row
from tfedge_tools.benchmarks.fetching.client import Client
from tfedge_tools.benchmarks.fetching.wire import Cut, Wire

_BYTES, _MANY = 1_100_000, 500  # of the large one, and places in it
_FEW_BYTES, _FEW = 150_000, 15  # where a number of tries is asked for; to pack takes a second
_CHUNK = 1 << 16
_AT_ONCE = 3  # clients in other processes
_ENDED_EVERY = 5  # of the places, where the app ends too


def run(asked: Asked) -> Iterator[Row]:
    """Every byte of the small one; 500 of the large one, every other one by a reset."""
    for name, module in asked.clients.items():
        place = asked.place(f"small_{name}")
        made = Bed(place, bed.small_models())
        with _opened(made, place, module) as lines:
            first = _Update(made, lines, _Start(None, 1))
            tried = first.each(_Update.cut, asked.some(first.places), module)
            made.publish()
            made.renew_root()
            update = _Update(made, lines, _Start(1, 2))
            places = asked.some(update.places)
            tried += update.each(_Update.cut, places, module)
            yield _row(f"{name}: a small repository, at bytes of {update.size(first)}", tried)
            ended = update.each(_Update.ends, places[::_ENDED_EVERY])
            yield _row(f"{name}: an update of it, and the app ends", ended)
        place = asked.place(f"large_{name}")
        made = Bed(place, bed.large_models(_FEW_BYTES if asked.tries else _BYTES))
        with _opened(made, place, module) as lines:
            made.publish()
            update = _Update(made, lines, _Start(1, 2))
            places = asked.draw.sample(update.places, _FEW if asked.tries else _MANY)
            tried = update.each(_Update.cut, places[::2]) + update.each(_Update.reset, places[1::2])
            yield _row(f"{name}: a large repository, at bytes of {update.size()}", tried)


@dataclasses.dataclass(frozen=True)
class _Start:
    """The version that is installed, and the newest."""

    before: int | None
    after: int


@dataclasses.dataclass(frozen=True)
class _Tried:
    """One cut: whether it ended as it has to, and how many bytes came twice."""

    is_right: bool
    again: int
    is_chunked: bool


@dataclasses.dataclass(frozen=True)
class _Line:
    """A client, and the wire that it alone is at."""

    wire: Wire
    client: Client


@contextlib.contextmanager
def _opened(made: Bed, place: pathlib.Path, module: ModuleType) -> Iterator[list[_Line]]:
    """With version 1 installed, which `back` brings; several, where they are other processes."""
    lines = []
    with contextlib.ExitStack() as held:
        for number in range(1 if module.IN_THIS_PROCESS else _AT_ONCE):
            folder = place / str(number)
            folder.mkdir()
            wire = held.enter_context(Wire(made.folder))
            client = held.enter_context(module.opened(folder, made, wire.address))
            client.update()
            client.used()
            client.keep()
            lines.append(_Line(wire, client))
        yield lines


_Way = Callable[["_Update", _Line, str, int], _Tried]


class _Update:
    """An update, and all places where it may be cut.

    Attributes:
        places: (path, byte of its answer).
    """

    def __init__(self, made: Bed, lines: Sequence[_Line], start: _Start):
        self._made, self._lines, self._start = made, lines, start
        self._back(lines[0])
        self._received = lines[0].client.update().received
        self._answers = dict(lines[0].wire.answers)
        self.places = [
            (path, at) for path, (head, body) in self._answers.items() for at in range(head + body)
        ]

    def size(self, other: "_Update | None" = None) -> str:
        """How many bytes of how many answers, for people."""
        answers = [*self._answers.values(), *(other._answers.values() if other else ())]
        return f"{len(answers)} answers, {sum(body for _, body in answers):,} without headers"

    def each(
        self, way: _Way, places: Sequence[tuple[str, int]], module: ModuleType | None = None
    ) -> list[_Tried]:
        """Each alone; without sockets where the client is `module`, in this process."""

        def along(number: int) -> list[_Tried]:
            line = self._lines[number]
            return [way(self, line, *place) for place in places[number :: len(self._lines)]]

        plugged: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if module is not None and module.IN_THIS_PROCESS:
            plugged = self._lines[0].wire.plugged()
        with plugged, concurrent.futures.ThreadPoolExecutor(len(self._lines)) as pool:
            return [tried for found in pool.map(along, range(len(self._lines))) for tried in found]

    def cut(self, line: _Line, path: str, at: int) -> _Tried:
        """The client tries again, in the same update."""
        return self._tried_again(line, Cut(path, at))

    def reset(self, line: _Line, path: str, at: int) -> _Tried:
        """Likewise, and is told of an error."""
        return self._tried_again(line, Cut(path, at, by_reset=True))

    def ends(self, line: _Line, path: str, at: int) -> _Tried:
        """The network is gone with the cut, and the app ends; the next start gets the rest."""
        self._back(line, Cut(path, at, for_good=True))
        ended = line.client.update(attempts=1)
        line.client.again()
        line.wire.cut = None
        is_right = ended.version == self._start.before and self._uses(line, self._start.before)
        is_right = line.client.update().version == self._start.after and is_right
        chunked = [each for each in self._answers if _is_chunked(each)]
        again = sum(line.wire.sent[each] - self._answers[each][1] for each in chunked)
        is_right = is_right and again <= _CHUNK and self._uses(line, self._start.after)
        return _Tried(is_right, again, True)

    def _tried_again(self, line: _Line, cut: Cut) -> _Tried:
        self._back(line, cut)
        ended = line.client.update()
        # What the system threw away at a reset never came to the client.
        came = ended.received if cut.by_reset else sum(line.wire.sent.values())
        again = came - self._received
        head, _ = self._answers[cut.path]
        # Metadata and channels begin anew: what came of the file comes again, and nothing else.
        most = _CHUNK if _is_chunked(cut.path) else max(0, cut.at - head)
        is_right = (
            cut.is_done
            and not ended.reason
            and again <= most
            and self._uses(line, self._start.after)
        )
        return _Tried(is_right, again, _is_chunked(cut.path))

    def _back(self, line: _Line, cut: Cut | None = None) -> None:
        if self._start.before is None:
            line.client.begin()
        else:
            line.client.back()
        line.wire.forget(cut)

    def _uses(self, line: _Line, version: int | None) -> bool:
        if version is None:
            return line.client.used() is None
        content = self._made.contents[version]
        return line.client.used() == (version, hashlib.sha256(content).hexdigest())


def _is_chunked(path: str) -> bool:
    """Whether a file goes on where it was cut."""
    return path.startswith("targets/") and not path.endswith(".json")


def _row(what: str, tried: Sequence[_Tried]) -> Row:
    parts = []
    for name, is_chunked in (("models and examples", True), ("metadata and channel", False)):
        again = [each.again for each in tried if each.is_chunked == is_chunked]
        if again:
            mean = statistics.fmean(again)
            parts.append(f"{name} {max(again):,} bytes again at most, {mean:,.0f} on average")
    return Row(what, len(tried), sum(not each.is_right for each in tried), "; ".join(parts))
