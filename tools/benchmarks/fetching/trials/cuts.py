"""The connection is cut at every byte of every answer: of a small repository, then of a large one.

Of a small one that is every byte that a first fetch and an update bring, of each status line and
header too; at some of them the app ends as well, and goes on when it is started again.
"""

import contextlib
import dataclasses
import hashlib
import pathlib
import statistics
from collections.abc import Iterator, Sequence
from types import ModuleType

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Asked, Bed, Row
from tfedge_tools.benchmarks.fetching.client import Client
from tfedge_tools.benchmarks.fetching.wire import Cut, Wire

_BYTES, _MANY = 1_100_000, 500  # of the large one, and places in it
_FEW_BYTES, _FEW = 150_000, 15  # where a number of tries is asked for; to pack takes a second
_CHUNK = 1 << 16
_ENDED_EVERY = 5  # of the places, where the app ends too


def run(asked: Asked) -> Iterator[Row]:
    """Every byte of the small one; 500 of the large one at most, every other one by a reset."""
    for name, module in asked.clients.items():
        place = asked.place(f"small_{name}")
        with _opened(Bed(place, bed.small_models()), place, module) as (made, wire, client):
            first = _Update(made, wire, client, _Start(None, 1))
            places = asked.some(first.places)
            with _answering(wire, module):
                tried = first.tried(places)
            made.publish()
            made.renew_root()
            update = _Update(made, wire, client, _Start(1, 2))
            places = asked.some(update.places)
            with _answering(wire, module):
                tried += update.tried(places)
            yield _row(f"{name}: a small repository, at bytes of {update.size(first)}", tried)
            ended = [update.goes_on(*place) for place in places[::_ENDED_EVERY]]
            yield _row(f"{name}: an update of it, and the app ends", ended)
        place = asked.place(f"large_{name}")
        models = bed.large_models(_FEW_BYTES if asked.tries else _BYTES)
        with _opened(Bed(place, models), place, module) as (made, wire, client):
            made.publish()
            update = _Update(made, wire, client, _Start(1, 2))
            places = asked.draw.sample(update.places, _FEW if asked.tries else _MANY)
            tried = update.tried(places[::2]) + update.tried(places[1::2], by_reset=True)
            yield _row(f"{name}: a large repository, at bytes of {update.size()}", tried)


def _answering(wire: Wire, module: ModuleType) -> contextlib.AbstractContextManager[None]:
    """Without sockets where that can be: half the time, and for thousands of updates."""
    return wire.plugged() if module.IN_THIS_PROCESS else contextlib.nullcontext()


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


@contextlib.contextmanager
def _opened(
    made: Bed, place: pathlib.Path, module: ModuleType
) -> Iterator[tuple[Bed, Wire, Client]]:
    """With version 1 installed, which `back` brings."""
    with Wire(made.folder) as wire, module.opened(place, made, wire.address) as client:
        client.update()
        client.used()
        client.keep()
        yield made, wire, client


class _Update:
    """An update, and all places where it may be cut.

    Attributes:
        places: (path, byte of its answer).
        received: bytes of bodies where nothing is cut.
    """

    def __init__(self, made: Bed, wire: Wire, client: Client, start: _Start):
        self._made, self._wire, self._client, self._start = made, wire, client, start
        self._reset()
        self.received = client.update().received
        self._answers = dict(wire.answers)
        self.places = [
            (path, at) for path, (head, body) in self._answers.items() for at in range(head + body)
        ]

    def size(self, other: "_Update | None" = None) -> str:
        """How many bytes of how many answers, for people."""
        answers = [*self._answers.values(), *(other._answers.values() if other else ())]
        return f"{len(answers)} answers, {sum(body for _, body in answers):,} without headers"

    def tried(self, places: Sequence[tuple[str, int]], by_reset: bool = False) -> list[_Tried]:
        """Each alone: the client tries again in the same update."""
        return [self._cut(path, at, by_reset) for path, at in places]

    def _cut(self, path: str, at: int, by_reset: bool) -> _Tried:
        cut = Cut(path, at, by_reset)
        self._reset(cut)
        ended = self._client.update()
        # What the system threw away at a reset never came to the client.
        came = ended.received if by_reset else sum(self._wire.sent.values())
        again = came - self.received
        head, _ = self._answers[path]
        # Metadata and channels begin anew: what came of the file comes again, and nothing else.
        most = _CHUNK if _is_chunked(path) else max(0, at - head)
        is_right = (
            cut.is_done and not ended.reason and again <= most and self._uses(self._start.after)
        )
        return _Tried(is_right, again, _is_chunked(path))

    def goes_on(self, path: str, at: int) -> _Tried:
        """The network is gone with the cut, and the app ends; the next start gets the rest."""
        self._reset(Cut(path, at, for_good=True))
        ended = self._client.update(attempts=1)
        self._client.again()
        self._wire.cut = None
        is_right = ended.version == self._start.before and self._uses(self._start.before)
        is_right = self._client.update().version == self._start.after and is_right
        chunked = [each for each in self._answers if _is_chunked(each)]
        again = sum(self._wire.sent[each] - self._answers[each][1] for each in chunked)
        is_right = is_right and again <= _CHUNK and self._uses(self._start.after)
        return _Tried(is_right, again, True)

    def _reset(self, cut: Cut | None = None) -> None:
        if self._start.before is None:
            self._client.begin()
        else:
            self._client.back()
        self._wire.forget(cut)

    def _uses(self, version: int | None) -> bool:
        if version is None:
            return self._client.used() is None
        content = self._made.contents[version]
        return self._client.used() == (version, hashlib.sha256(content).hexdigest())


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
