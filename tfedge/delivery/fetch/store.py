"""The folder on an installation: versions that were tried and found good, and which one is used.

    made_by_tfedge.txt          the mark: nothing is deleted in a folder without it
    installation                an identifier drawn once, for staged roll-outs
    metadata/                   of The Update Framework
    parts/SHA256                downloads that are not finished
    versions/3/                 one version: version.json and sealed
    versions/3.new/             one that is being made; nobody reads it
    state.json                  which version is used, and which before it

Every file is written aside, down to the disk, and renamed, and so is every folder: what is at its
name is whole. state.json is written last, so a process that is killed anywhere leaves the old
state or the new one. Several processes may share a folder; those that change it wait for each
other. Files stay sealed: what opens them is the key that the app brings.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator

from tfedge import errors, foreign, lock, packing
from tfedge.cache import marked_folder
from tfedge.delivery import facts, names, segments, wrapping, writing
from tfedge.delivery.fetch import healing, reasons
from tfedge.delivery.fetch.record import Record
from tfedge.delivery.fetch.state import DONE, WAITING, State
from tfedge.delivery.trust import Trust
from tfedge.packing import difference

_REMEDY = "Give a new or empty folder with --store."
_DAMAGED = "It is fetched again."
_STATE, _ABOUT, _SEALED = "state.json", "version.json", "sealed"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_PART = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(rb"[0-9a-f]{32}")
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)  # or a link, a socket


class Store:
    """See the top of this file.

    Attributes:
        folder: where it is.
        model: the name of the one model that is in it.
    """

    def __init__(self, folder: str | os.PathLike, model: str):
        """Makes the folder where it is missing.

        Raises:
            BadInput: it holds what is not ours, or cannot be made.
        """
        self.folder = pathlib.Path(os.path.realpath(os.path.expanduser(folder)))
        self.model = names.check_model(model, f"--model={model}")
        try:
            marked_folder.claim(self.folder, _REMEDY)
            healing.heal(self.folder)
            for each in ("metadata", "parts", "versions"):
                (self.folder / each).mkdir(exist_ok=True)
        except OSError as error:
            cause = f"no store can be made there ({(error.strerror or str(error)).lower()})"
            raise errors.BadInput(str(self.folder), cause, _REMEDY) from error

    @property
    def metadata(self) -> pathlib.Path:
        """The folder of The Update Framework."""
        return self.folder / "metadata"

    def part(self, sha256: str) -> pathlib.Path:
        """Where a file is downloaded to."""
        return self.folder / "parts" / sha256

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """While the block runs, other processes wait that want to update too."""
        healing.heal(self.folder)
        with lock.hold(self.folder / "update.lock", str(self.folder), waits=True):
            yield

    def installation(self) -> str:
        """The identifier that was drawn when it was first asked for; anew where it is damaged."""
        path = self.folder / "installation"
        with lock.hold(self.folder / "state.lock", str(self.folder), waits=True):
            with contextlib.suppress(errors.BadInput):
                found = _read(path)
                if _ID.fullmatch(found):
                    return found.decode()
            drawn = secrets.token_hex(16)
            writing.put(path, drawn.encode())
            return drawn

    def state(self) -> State:
        """What is used; where the file is lost or damaged, what is there, tried once more.

        Raises:
            OSError: the disk refused.
        """
        path = self.folder / _STATE
        try:
            return State.of(foreign.parse_json(_read(path), str(path), _DAMAGED))
        except (errors.BadInput, LookupError, TypeError, ValueError):
            return self._found()

    def change(self, change: Callable[[State], State]) -> State:
        """Another state; processes that do so at once come one after another.

        Raises:
            OSError: the disk refused; it is as it was.
        """
        with lock.hold(self.folder / "state.lock", str(self.folder), waits=True):
            before = self.state()
            after = change(before)
            if after != before:
                writing.put(self.folder / _STATE, json.dumps(dataclasses.asdict(after)).encode())
            return after

    def has(self, version: int) -> bool:
        """Whether a version is there; whether it is whole, `content` tells."""
        return (self._version(version) / _ABOUT).is_file()

    def record(self, version: int) -> Record:
        """What is known of a version.

        Raises:
            BadInput: it is not there, or damaged.
            OSError: the disk refused, which is no damage.
        """
        path = self._version(version) / _ABOUT
        return Record.of(foreign.parse_json(_read(path), str(path), _DAMAGED), str(path))

    def settle(self, record: Record, sealed: pathlib.Path) -> None:
        """The version is there from here on; one of that number that was, is not.

        Args:
            record: of it.
            sealed: the downloaded file, which is moved.

        Raises:
            OSError: the disk refused.
        """
        target = self._version(record.version)
        staged = target.with_name(f"{target.name}.new")
        for each in (staged, target):
            shutil.rmtree(each, ignore_errors=True)
        staged.mkdir()
        writing.put(staged / _ABOUT, json.dumps(record.to_json()).encode())
        os.rename(sealed, staged / _SEALED)
        writing.to_disk(staged)
        os.rename(staged, target)
        writing.to_disk(target.parent)

    def content(self, version: int, trust: Trust) -> bytes:
        """The .tflite of a version, in memory, compared with what was signed.

        Args:
            version: its number.
            trust: with the key.

        Raises:
            BadInput: it is not there, or damaged.
            Refused: it is not for this key.
            OSError: the disk refused.
        """
        record = self.record(version)
        return self.opened(record, _read(self._version(version) / _SEALED), trust)

    def opens(self, version: int, trust: Trust) -> bool:
        """Whether a version, and all that it is a difference from, is as it was sealed.

        Nothing is unpacked, so that an app without a network may ask whenever it starts.
        """
        try:
            for each in (version, *self.bases(version)):
                record, sealed = self.record(each), _read(self._version(each) / _SEALED)
                segments.open_sealed(sealed, self._key(record.sealed, trust), record.name)
            return True
        except (errors.BadInput, reasons.Refused, OSError):
            return False

    def opened(self, record: Record, sealed: bytes, trust: Trust) -> bytes:
        """Likewise, of a file that is not settled yet."""
        packed = segments.open_sealed(sealed, self._key(record.sealed, trust), record.name)
        told = record.sealed.model
        if record.base is None:
            content = packing.unpack(packed, told.length)
        else:
            content = difference.unpack(packed, self.content(record.base, trust), told.length)
        if (len(content), hashlib.sha256(content).hexdigest()) != (told.length, told.sha256):
            raise errors.BadInput(record.name, "it is not the model that was signed", _DAMAGED)
        return content

    def check_key(self, sealed: facts.Sealed, trust: Trust) -> None:
        """Before anything of it is fetched.

        Raises:
            Refused: it is not for this key.
        """
        self._key(sealed, trust)

    def bases(self, version: int) -> list[int]:
        """The versions that it is a difference from, the nearest first."""
        found: list[int] = []
        with contextlib.suppress(errors.BadInput):
            while (base := self.record(found[-1] if found else version).base) is not None:
                found.append(base)
        return found

    def drop(self, version: int) -> None:
        """Removes a version that turned out to be damaged."""
        shutil.rmtree(self._version(version), ignore_errors=True)

    def sweep(self, wanted: Collection[str] = ()) -> None:
        """Removes versions that nothing needs any more, and what killed processes left.

        Args:
            wanted: SHA-256 of downloads that are to go on.
        """
        state = self.state()
        used = [each for each in (state.current, state.previous) if each is not None]
        kept = {str(each) for version in used for each in (version, *self.bases(version))}
        for path in (self.folder / "versions").iterdir():
            if _NUMBER.fullmatch(path.name.removesuffix(".new")) and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
        for path in (self.folder / "parts").iterdir():
            if _PART.fullmatch(path.name) and path.name not in wanted:
                path.unlink(missing_ok=True)
        for path in self.metadata.glob("tmp*"):  # python-tuf's, which is never run beside us
            path.unlink(missing_ok=True)

    def _found(self) -> State:
        """The newest versions that are there; none comes here before it was probed."""
        there = (self.folder / "versions").iterdir()
        numbers = [int(path.name) for path in there if _NUMBER.fullmatch(path.name)]
        newest = sorted(filter(self.has, numbers), reverse=True)
        current, previous = (*newest[:2], None, None)[:2]
        return State(current, previous, DONE if current is None else WAITING)

    def _key(self, sealed: facts.Sealed, trust: Trust) -> bytes:
        """Another app's key is no damage."""
        name = names.sealed(self.model, sealed.version)
        wrapped = sealed.keys.get(trust.audience)
        if wrapped is None:
            others = ", ".join(sealed.keys) or "nobody"
            cause = f"{name} is not for {trust.audience!r}, but for {others}"
            raise reasons.Refused(reasons.UNREADABLE, cause)
        try:
            return wrapping.unwrap(wrapped, trust.key, name)
        except errors.BadInput as error:
            raise reasons.Refused(reasons.UNREADABLE, f"{name}: {error.cause}") from error

    def _version(self, version: int) -> pathlib.Path:
        return self.folder / "versions" / str(version)


def _read(path: pathlib.Path) -> bytes:
    """A plain file; a pipe would make us wait, and a link lead elsewhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise errors.BadInput(str(path), "it is not there", _DAMAGED) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise errors.BadInput(str(path), "it is no plain file", _DAMAGED)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
