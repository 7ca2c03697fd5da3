"""A state of a repository moved on.

New files have new names; `timestamp.json` is the only one that is replaced, and it comes last, so a
reader sees the old state or the new one.
"""

import dataclasses
import datetime
import pathlib
from collections.abc import Mapping
from typing import Any

from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from tfedge import errors
from tfedge.delivery import keyring, trusted, writing
from tfedge.delivery.keyring import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
from tfedge.delivery.trusted import State

DAYS = {ROOT: 365, TARGETS: 90, SNAPSHOT: 30, TIMESTAMP: 7}  # until metadata of a role expire
_SIGNED_AGAIN = 0.5  # of them are left when a role that did not change is signed again


@dataclasses.dataclass(frozen=True)
class Change:
    """What is to be different.

    Attributes:
        targets: all targets, by name; None where they stay.
        files: content of new ones, by name.
        root: the next root, signed by enough keys already.
        days: how long the timestamp is good for.
    """

    targets: Mapping[str, TargetFile] | None = None
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    root: Metadata[Root] | None = None
    days: int = DAYS[TIMESTAMP]


def commit(folder: pathlib.Path, state: State, change: Change, ring: keyring.Keyring) -> State:
    """Signs what follows from a change and writes it, the timestamp last.

    With a new root everything is signed by the keys of both, so a reader of either believes it;
    where an old key is lost, readers refuse from here until the new root is there.

    Args:
        folder: of the repository, held.
        state: that it has.
        change: to make.
        ring: with the keys of all roles but root's.

    Raises:
        BadInput: a key is not there.
        OSError: the disk refused; the state is the old one or the new one.
    """
    roots = [state.root, *([change.root] if change.root else [])]
    targets, snapshot = state.targets, state.snapshot
    if change.targets is not None or _is_due(targets, TARGETS, roots):
        listed = state.targets.signed.targets if change.targets is None else change.targets
        version = targets.signed.version + 1
        signed = Targets(version, expires=_expires(TARGETS), targets=dict(listed))
        targets = _signed(signed, TARGETS, roots, ring)
    if targets is not state.targets or _is_due(snapshot, SNAPSHOT, roots):
        meta = {"targets.json": _meta(targets)}
        version, expires = snapshot.signed.version + 1, _expires(SNAPSHOT)
        snapshot = _signed(Snapshot(version, expires=expires, meta=meta), SNAPSHOT, roots, ring)
    version, expires = state.timestamp.signed.version + 1, _expires(TIMESTAMP, change.days)
    signed_for = Timestamp(version, expires=expires, snapshot_meta=_meta(snapshot))
    timestamp = _signed(signed_for, TIMESTAMP, roots, ring)
    after = State(roots[-1], timestamp, snapshot, targets)
    _write(folder, state, after, change)
    return after


def found(folder: pathlib.Path, root: Metadata[Root], ring: keyring.Keyring) -> None:
    """Writes the first state of a new repository, without targets."""
    nothing = State(root, Metadata(Timestamp()), Metadata(Snapshot()), Metadata(Targets()))
    for metadata in (nothing.timestamp, nothing.snapshot, nothing.targets):
        metadata.signed.version = 0
    commit(folder, nothing, Change(targets={}), ring)
    _put(folder / trusted.FIRST_ROOT, root)


def _write(folder: pathlib.Path, before: State, after: State, change: Change) -> None:
    for name, content in change.files.items():
        target = after.targets.signed.targets[name]
        writing.put(trusted.file_of(folder, target), content)
    metadata = folder / trusted.METADATA
    numbered: list[tuple[Metadata[Any], Metadata[Any]]]
    numbered = [(after.targets, before.targets), (after.snapshot, before.snapshot)]
    for made in (new for new, old in numbered if new is not old):
        _put(metadata / f"{made.signed.version}.{made.signed.type}.json", made)
    _put(metadata / "timestamp.json", after.timestamp)
    if change.root:
        _put(metadata / f"{change.root.signed.version}.root.json", change.root)


def _put(path: pathlib.Path, metadata: Metadata[Any]) -> None:
    writing.put(path, trusted.bytes_of(metadata))


def _is_due(metadata: Metadata[Any], role: str, roots: list[Metadata[Root]]) -> bool:
    """Whether it has to be signed again, changed or not."""
    is_late = trusted.days_left(metadata) < _SIGNED_AGAIN * DAYS[role]
    return is_late or not all(trusted.is_signed(root, role, metadata) for root in roots)


def _signed(
    signed: Signed, role: str, roots: list[Metadata[Root]], ring: keyring.Keyring
) -> Metadata[Any]:
    metadata: Metadata[Any] = Metadata(signed)
    for keyid in dict.fromkeys(key for root in roots for key in root.signed.roles[role].keyids):
        signer = ring.signer(role, keyid)
        if signer is not None:
            metadata.sign(signer, append=True)
    if not trusted.is_signed(roots[-1], role, metadata):
        where = ", ".join(map(str, ring.folders))
        cause = f"the key of {role} is not there"
        raise errors.BadInput(where, cause, "Give --keys=FOLDER,FOLDER; see the page on keys.")
    return metadata


def _meta(metadata: Metadata[Any]) -> MetaFile:
    return MetaFile.from_data(metadata.signed.version, trusted.bytes_of(metadata), ["sha256"])


def _expires(role: str, days: float = 0) -> datetime.datetime:
    return trusted.now() + datetime.timedelta(days=days or DAYS[role])
