"""A repository for one publisher at a time, without what a killed one left in it."""

import contextlib
import pathlib
import re
from collections.abc import Container, Iterator

from absl import logging

from tfedge import errors, lock
from tfedge.delivery import next_root, trusted, writing
from tfedge.delivery.keyring import ROOT, SNAPSHOT, TARGETS
from tfedge.delivery.trusted import State

_NUMBERED = re.compile(r"([1-9][0-9]*)\.(root|targets|snapshot)\.json")
_HASHED = re.compile(r"([0-9a-f]{64})\.")  # the name of a target; other files are somebody else's
_SHA256 = re.compile(rb'"sha256": ?"([0-9a-f]{64})"')
_SOON_DAYS = 60
_LOCK = ".tfedge-publish.lock"


@contextlib.contextmanager
def held(folder: pathlib.Path, finishing: bool = False) -> Iterator[State]:
    """The state, for one publisher alone; what killed ones left is removed first.

    Args:
        folder: of the repository.
        finishing: a change of root that has all its signatures and was not finished.

    Raises:
        BadInput: no repository; signatures or hashes that do not hold; a root that has expired; a
            disk that refuses.
    """
    check_there(folder)
    with disk(folder), lock.hold(folder / _LOCK, str(folder), waits=True):
        state = _read(folder, finishing)
        if not finishing:
            _check_root(folder, state)
        for path in leftovers(folder, state):
            path.unlink()
        yield state


def check_there(folder: pathlib.Path) -> None:
    """Raises BadInput where no repository is in a folder."""
    if not (folder / trusted.FIRST_ROOT).is_file():
        cause = f"no repository is there: it has no {trusted.FIRST_ROOT}"
        raise errors.BadInput(str(folder), cause, "Make one with publish.py keys, or name another.")


@contextlib.contextmanager
def disk(folder: pathlib.Path) -> Iterator[None]:
    """What a disk refuses is told in one line."""
    try:
        yield
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        remedy = "The repository is as it was; mend this, and the same command goes on."
        raise errors.BadInput(str(error.filename or folder), words, remedy) from error


def _read(folder: pathlib.Path, finishing: bool) -> State:
    """The state, also in the middle of a change of root that an old key was lost for."""
    waiting = next_root.read(folder)
    if waiting is None or not next_root.is_complete(trusted.roots(folder)[-1], waiting):
        return trusted.read(folder)
    if not finishing:
        cause = "a change of root has its signatures and is not finished"
        raise errors.BadInput(str(folder), cause, "Finish it with publish.py keys sign.")
    try:
        return trusted.read(folder)
    except errors.BadInput:
        return trusted.read(folder, by=waiting)


def _check_root(folder: pathlib.Path, state: State) -> None:
    """Only people can sign another, so it is told in time."""
    days, remedy = trusted.days_left(state.root), "Sign another with publish.py keys renew."
    if days <= 0:
        cause = f"root has expired {-days:.0f} days ago, and no installation takes anything"
        raise errors.BadInput(str(folder), cause, remedy)
    if days < _SOON_DAYS:
        logging.warning("%s: root expires in %.0f days. %s", folder, days, remedy)


def leftovers(folder: pathlib.Path, state: State) -> list[pathlib.Path]:
    """What no metadata of this state or an earlier one name: a killed publisher wrote it."""
    metadata = folder / trusted.METADATA
    known: set[bytes] = set()
    last = {
        TARGETS: state.targets.signed.version,
        SNAPSHOT: state.snapshot.signed.version,
        ROOT: state.root.signed.version,
    }
    left = list(folder.rglob(f".*{writing.PARTLY}"))
    for path in metadata.iterdir():
        numbered = _NUMBERED.fullmatch(path.name)
        if numbered and int(numbered[1]) > last[numbered[2]]:
            left.append(path)
        elif numbered and numbered[2] == TARGETS:  # many, so not parsed
            known |= set(_SHA256.findall(path.read_bytes()))
    waiting = next_root.read(folder)
    if waiting is not None and waiting.signed.version <= last[ROOT]:
        left.append(folder / next_root.NAME)
    files = (folder / trusted.TARGET_FILES).rglob("*")
    left += [path for path in files if _is_unknown(path.name, known)]
    return sorted(left)


def _is_unknown(name: str, known: Container[bytes]) -> bool:
    hashed = _HASHED.match(name)
    return hashed is not None and hashed[1].encode() not in known
