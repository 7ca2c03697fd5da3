"""An installation: asks for the version that is meant for it, and switches to what it has proved.

    client = fetch.Client("https://host/models/", trust, "ds_cnn", "~/.cache/my_app/ds_cnn")
    told = client.update()          # never ends the app: it says what happened
    with client.using() as model:   # the last good one, also without a network
        answer(model.content)

An update goes through checking, downloading, opening, probing and switching; from each of them
it may end with the version before still in use. What is not proved is never used: chunks and the
whole file are compared with what was signed, it is opened in memory, its hash compared, and its
examples are run in a process of their own.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator

from absl import logging

from tfedge import errors, lock
from tfedge.delivery import names
from tfedge.delivery.fetch import probing, reasons, told, updating, web
from tfedge.delivery.fetch.allowance import Allowance
from tfedge.delivery.fetch.retrying import Retries
from tfedge.delivery.fetch.state import BEGUN, DONE, WAITING, State
from tfedge.delivery.fetch.store import Store
from tfedge.delivery.fetch.updating import Here
from tfedge.delivery.trust import Trust


@dataclasses.dataclass(frozen=True)
class Model:
    """A model that may be used.

    Attributes:
        version: its number.
        content: the .tflite.
    """

    version: int
    content: bytes = dataclasses.field(repr=False)


class Client:
    """See the top of this file."""

    def __init__(
        self,
        repository: str,
        trust: Trust,
        model: str,
        store: str | os.PathLike,
        *,
        channel: str = "stable",
        here: Here | None = None,
        retries: Retries | None = None,
        probe: Callable[[bytes, bytes], None] = probing.run,
    ):
        """Opens the store; nothing is asked for yet.

        Args:
            repository: its address, of http or https.
            trust: what the app brings; `tfedge.delivery.trust.read` reads it.
            model: its name.
            store: a folder for this model of this repository, shared by all that use it here.
            channel: which versions are meant.
            here: what they are chosen by.
            retries: how often to try again.
            probe: tries a model (its .tflite, golden.npz) and raises `reasons.Refused`.

        Raises:
            BadInput: no such address or name; a folder that is not ours, or cannot be made.
        """
        self.store = Store(store, model)
        offered = names.channel(model, names.check_channel(channel, f"--channel={channel}"))
        self._asked = updating.Asked(
            web.check_address(repository), trust, offered, here or Here(), probe
        )
        self._retries = retries or Retries()

    def update(
        self,
        allowance: Allowance | None = None,
        progress: Callable[[told.Progress], None] = lambda _: None,
    ) -> told.Told:
        """Asks for the version that is meant for this installation, and switches to it.

        Whatever stands in the way is told, not raised: the last good version stays in use.

        Args:
            allowance: what may be read over the network; without one, as much as it takes.
            progress: called from the same thread, often.
        """
        way = web.Web(allowance or Allowance(), self._retries)
        try:
            with self.store.updating():
                ended = updating.Update(self.store, self._asked, way, progress).run()
        except reasons.Refused as error:
            ended = self._kept(error.reason, error.cause)
        except errors.BadInput as error:
            ended = self._kept(reasons.UNREADABLE, f"{error.where}: {error.cause}")
        except OSError as error:
            ended = self._kept(reasons.DISK, (error.strerror or str(error)).lower())
        return dataclasses.replace(ended, received=way.allowance.received)

    @contextlib.contextmanager
    def using(self) -> Iterator[Model]:
        """The last good model, for as long as the block runs; it needs no network.

        The first block that ends without an exception makes a new version the good one. If it does
        not - the process crashed, or the block raised what an interpreter does - whoever asks next
        gets the version before. An OSError, a BadInput and what is no Exception, such as Ctrl-C,
        are the app's: the next use is a first one again.

        Raises:
            BadInput: there is none.
            OSError: the disk refused to say.
        """
        with self._first_use() as (is_ours, is_first):
            try:
                model = self._model(is_ours)
                is_tried = is_first and model.version == self.store.state().current
                if is_first and not is_tried:  # what was to be tried cannot be read
                    self._not_tried()
                yield model
            except BaseException as error:
                if is_first and not _is_of_the_model(error):
                    self._not_tried()
                raise
            if is_tried:
                self._ended_well(model.version)

    @contextlib.contextmanager
    def _first_use(self) -> Iterator[tuple[bool, bool]]:
        """Whether it would be here, which is so in one place alone; and whether it is noted."""
        state = self.store.state()
        if state.first_use == DONE or state.current is None:
            yield False, False
            return
        with contextlib.ExitStack() as held:
            path = self.store.folder / "first_use.lock"
            is_ours = is_first = False
            try:
                held.enter_context(lock.hold(path, str(self.store.folder)))
                is_ours = True
                if self.store.change(self._beginning).first_use == BEGUN:
                    self._mark.touch()
                else:
                    self._mark.unlink(missing_ok=True)
                is_first = True
            except (errors.BadInput, OSError):  # another use has it, or the disk is full
                pass
            yield is_ours, is_first

    def _beginning(self, state: State) -> State:
        """The first use begins; or it had begun, and its process is gone."""
        if state.first_use == WAITING:
            return dataclasses.replace(state, first_use=BEGUN)
        crashed = state.first_use == BEGUN and self._mark.exists()
        if crashed and state.previous is not None and state.current is not None:
            logging.warning("version %d crashed at its first use: not used again", state.current)
            return state.refusing(self._asked.here.place(state.current))
        return state

    def _not_tried(self) -> None:
        """The next use is a first one again, for which no room is needed."""
        with contextlib.suppress(OSError):
            self._mark.unlink(missing_ok=True)

    def _ended_well(self, version: int) -> None:
        """A full disk may keep this from being written; then the next use is a first one again."""
        self._not_tried()
        with contextlib.suppress(OSError):
            self.store.change(lambda state: _used_well(state, version))

    @property
    def _mark(self) -> pathlib.Path:
        """There while the first use of a version runs, and where its process ended meanwhile."""
        return self.store.folder / "first_use.begun"

    def _model(self, is_ours: bool) -> Model:
        """The current one; where it is damaged or in its first use elsewhere, the one before."""
        state = self.store.state()
        versions = [each for each in (state.current, state.previous) if each is not None]
        if state.first_use == BEGUN and not is_ours:
            versions.reverse()
        for version in versions:
            try:
                return Model(version, self.store.content(version, self._asked.trust))
            except (errors.BadInput, reasons.Refused, OSError) as error:
                logging.warning("version %d cannot be used: %s", version, error)
        raise errors.BadInput(
            str(self.store.folder), "no model is there that can be used", "Update it first."
        )

    def _kept(self, reason: str, cause: str) -> told.Told:
        try:
            state = self.store.state()
        except OSError as error:
            return told.Told(told.NOTHING, None, reasons.DISK, str(error))
        there = [each for each in (state.current, state.previous) if each is not None]
        whole = (each for each in there if self.store.opens(each, self._asked.trust))
        version = next(whole, None)
        outcome = told.NOTHING if version is None else told.KEPT
        return told.Told(outcome, version, reason, cause)


def _is_of_the_model(error: BaseException) -> bool:
    """An interpreter raises a RuntimeError or a ValueError, and an app what its answers lead to."""
    return isinstance(error, Exception) and not isinstance(error, (OSError, errors.BadInput))


def _used_well(state: State, version: int) -> State:
    return dataclasses.replace(state, first_use=DONE) if state.current == version else state
