"""From the question to the switch: an update, with every way that it may end before."""

import contextlib
import dataclasses
import errno
import hashlib
import pathlib
import shutil
from collections.abc import Callable

from absl import logging

from tfedge import errors
from tfedge.delivery import channel, facts, names
from tfedge.delivery.fetch import downloading, metadata, reasons, told, web
from tfedge.delivery.fetch.allowance import Postponed
from tfedge.delivery.fetch.part import Wanted
from tfedge.delivery.fetch.record import Record
from tfedge.delivery.fetch.retrying import Unavailable
from tfedge.delivery.fetch.state import Place, State
from tfedge.delivery.fetch.store import Store
from tfedge.delivery.trust import Trust

_LONGEST_CHAIN = 4  # differences on differences: each has to be opened whenever a model is


@dataclasses.dataclass(frozen=True)
class Here:
    """What is told of an installation.

    Attributes:
        app, runtime: versions of the app and of LiteRT, such as "2.4.1"; "" where not known.
        installation: an identifier that stays; "" for one that the store draws.
    """

    app: str = ""
    runtime: str = ""
    installation: str = ""

    def __post_init__(self) -> None:
        """Raises BadInput for what is no version."""
        for name in ("app", "runtime"):
            channel.check_version(getattr(self, name), f"the version of the {name}")

    def place(self, version: int) -> Place:
        """Where a version of the model is tried."""
        return Place(version, self.app, self.runtime)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        address: of the repository, with a slash at its end.
        trust: what is believed.
        channel: its target.
        here: what a version is chosen by.
        probe: tries a model; see `Client`.
    """

    address: str
    trust: Trust
    channel: str
    here: Here
    probe: Callable[[bytes, bytes], None]


@dataclasses.dataclass(frozen=True)
class _Got:
    """A file that was downloaded, and the model that was in it."""

    record: Record
    path: pathlib.Path
    content: bytes


class Update:
    """One update of a store, by whoever holds its lock."""

    def __init__(
        self,
        store: Store,
        asked: Asked,
        way: web.Web,
        progress: Callable[[told.Progress], None],
    ):
        self._store, self._asked, self._way, self._progress = store, asked, way, progress
        self._trust = asked.trust

    def run(self) -> told.Told:
        """Asks, downloads, opens, probes and switches.

        Raises:
            Refused, BadInput, OSError: what stood in the way; what is used has not changed.
        """
        self._progress(told.Progress(told.CHECKING))
        folder, address = self._store.metadata, self._asked.address
        signed = metadata.refreshed(folder, address, self._trust.root, self._way)
        offered = self._offered(signed)
        state = self._store.change(lambda state: _without_withdrawn(state, offered))
        version = self._chosen(offered, state)
        if version is None:
            raise reasons.Refused(reasons.NONE, "no version is meant for this installation")
        is_there = self._is_there(signed, version)
        if is_there and version == state.current:
            with contextlib.suppress(OSError):  # what was withdrawn goes
                self._store.sweep()
            return told.Told(told.UNCHANGED, version)
        if not is_there:
            self._get(signed, version)
        self._progress(told.Progress(told.SWITCHING))
        self._store.change(lambda state: state.switched(version))
        with contextlib.suppress(OSError):  # the next update does it
            self._store.sweep()
        return told.Told(told.UPDATED, version)

    def _offered(self, signed: metadata.Signed) -> channel.Channel:
        name = self._asked.channel
        offered = channel.read(signed.small(name), name)
        if names.channel(offered.model, offered.name) != name:
            cause = f"{name} says that it is {names.channel(offered.model, offered.name)}"
            raise reasons.Refused(reasons.ARBITRARY, cause)
        return offered

    def _chosen(self, offered: channel.Channel, state: State) -> int | None:
        """Without what did not work here."""
        here = self._asked.here
        refused = {each.version for each in state.refused if each == here.place(each.version)}
        entries = tuple(each for each in offered.entries if each.version not in refused)
        installation = here.installation or self._store.installation()
        return dataclasses.replace(offered, entries=entries).choose(
            installation, here.app, here.runtime, state.current
        )

    def _is_there(self, signed: metadata.Signed, version: int) -> bool:
        """Whether the model that is signed now is in the store, and can be opened here.

        Another repository, as one that was begun anew when keys were lost, has a version of that
        number too.
        """
        if not self._store.has(version) or not self._is_whole(version):
            return False
        name = names.sealed(self._store.model, version)
        told = facts.sealed(*signed.custom(name), name)
        return told.model == self._store.record(version).sealed.model

    def _is_whole(self, version: int) -> bool:
        """Whether what is in the store can be read and opened here; a damaged version goes.

        What the disk refuses to read is fetched again, and so is what another key opened: the
        repository may have sealed it for this one meanwhile.
        """
        try:
            self._store.content(version, self._trust)
            return True
        except errors.BadInput as error:
            logging.warning("version %d is fetched again: %s", version, error)
            self._store.drop(version)
        except (reasons.Refused, OSError) as error:
            logging.warning("version %d is fetched again: %s", version, error)
        return False

    def _get(self, signed: metadata.Signed, version: int) -> None:
        """Downloads, opens and probes; then the version is in the store."""
        name = names.sealed(self._store.model, version)
        custom, length = signed.custom(name)
        sealed = facts.sealed(custom, length, name)
        if (sealed.version, sealed.golden) != (version, names.golden(self._store.model, version)):
            cause = f"{name} names version {sealed.version} and {sealed.golden!r}"
            raise reasons.Refused(reasons.ARBITRARY, cause)
        self._store.check_key(sealed, self._trust)
        golden = self._download(signed.whole(sealed.golden)).read_bytes()
        got = self._got(signed, sealed, length)
        self._progress(told.Progress(told.PROBING))
        try:
            self._asked.probe(got.content, golden)
        except reasons.Refused:
            self._refuse(version)
            raise
        self._store.settle(got.record, got.path)

    def _got(self, signed: metadata.Signed, sealed: facts.Sealed, length: int) -> _Got:
        """By a difference where there is one, else whole."""
        for base in sorted(sealed.deltas, reverse=True):
            try:
                if self._fits(base, sealed.version):
                    return self._by_difference(signed, sealed, base, length)
            except (errors.BadInput, reasons.Refused) as error:
                if _is_without_network(error):
                    raise  # all of it would be asked for in vain, or at its cost
                logging.warning("the difference from %d is of no use: %s", base, error)
        name = names.sealed(self._store.model, sealed.version)
        wanted = signed.wanted(name, sealed.chunks.bytes, sealed.chunks.sha256)
        path = self._download(wanted)
        try:
            return self._open(Record(sealed, length, name), path)
        except errors.BadInput:
            self._refuse(sealed.version)  # all of it is as signed: it will not open another time
            raise

    def _fits(self, base: int, version: int) -> bool:
        if base >= version:  # a chain of differences has an end
            return False
        if not self._store.has(base) or len(self._store.bases(base)) >= _LONGEST_CHAIN:
            return False
        return self._is_whole(base)

    def _by_difference(
        self, signed: metadata.Signed, sealed: facts.Sealed, base: int, length: int
    ) -> _Got:
        name = names.delta(self._store.model, sealed.version, base)
        custom, delta_length = signed.custom(name)
        delta = facts.delta(custom, delta_length, name)
        expected = sealed.version, base, self._store.record(base).sealed.model, name
        if (delta.version, delta.base, delta.base_model, sealed.deltas[base]) != expected:
            raise reasons.Refused(reasons.ARBITRARY, f"{name} is from another model")
        wanted = signed.wanted(name, delta.chunks.bytes, delta.chunks.sha256)
        return self._open(Record(sealed, length, name, base), self._download(wanted))

    def _open(self, record: Record, path: pathlib.Path) -> _Got:
        self._progress(told.Progress(told.OPENING))
        content = self._store.opened(record, path.read_bytes(), self._trust)
        return _Got(record, path, content)

    def _download(self, wanted: Wanted) -> pathlib.Path:
        """The path of a file that is whole, and what was signed."""
        path = self._store.part(wanted.sha256)
        free = shutil.disk_usage(path.parent).free
        if free < wanted.length:
            cause = f"{wanted.name} needs {wanted.length:,} bytes, {free:,} are free"
            raise OSError(errno.ENOSPC, cause)

        def progress(done: int, total: int) -> None:
            self._progress(told.Progress(told.DOWNLOADING, done, total))

        downloading.download(wanted, path, self._way, progress)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted.sha256:
            path.unlink()
            cause = f"{wanted.name} has the SHA-256 {found}, {wanted.sha256} was signed"
            raise reasons.Refused(reasons.ARBITRARY, cause)
        return path

    def _refuse(self, version: int) -> None:
        self._store.change(lambda state: state.refusing(self._asked.here.place(version)))


def _is_without_network(error: errors.BadInput | reasons.Refused) -> bool:
    """A file that the server does not have has a status of HTTP; without a network none comes."""
    if isinstance(error, Unavailable):
        return error.reason == reasons.OFFLINE and not error.status
    return isinstance(error, Postponed)


def _without_withdrawn(state: State, offered: channel.Channel) -> State:
    for each in offered.entries:
        if each.withdrawn:
            state = state.without(each.version)
    return state
