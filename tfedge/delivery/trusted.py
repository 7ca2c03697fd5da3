"""The signed state of a repository, believed only as far as a client would believe it."""

import dataclasses
import datetime
import itertools
import pathlib
from typing import Any

from tuf.api import exceptions
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from tfedge import errors, foreign
from tfedge.delivery.keyring import ROOT, SNAPSHOT, TARGETS, TIMESTAMP

METADATA, TARGET_FILES = "metadata", "targets"
FIRST_ROOT = f"{METADATA}/1.root.json"
_REMEDY = "Take the folder from a backup or from what is served; see publish.py verify."


@dataclasses.dataclass(frozen=True)
class State:
    """What a client believes that has read everything."""

    root: Metadata[Root]
    timestamp: Metadata[Timestamp]
    snapshot: Metadata[Snapshot]
    targets: Metadata[Targets]


def read(folder: pathlib.Path, by: Metadata[Root] | None = None) -> State:
    """The newest state, whose signatures, versions and hashes hold; expiry is not looked at.

    Args:
        folder: of the repository.
        by: the root to hold signatures against; None for the newest.

    Raises:
        BadInput: one of them does not.
    """
    metadata = folder / METADATA
    newest = roots(folder)[-1]
    root = by or newest
    timestamp = _checked(root, TIMESTAMP, metadata / "timestamp.json")
    told = timestamp.signed.snapshot_meta
    snapshot = _checked(root, SNAPSHOT, metadata / f"{told.version}.snapshot.json", told)
    told = snapshot.signed.meta["targets.json"]
    targets = _checked(root, TARGETS, metadata / f"{told.version}.targets.json", told)
    return State(newest, timestamp, snapshot, targets)


def roots(folder: pathlib.Path) -> list[Metadata[Root]]:
    """All roots, each signed by enough keys of the one before it and of its own."""
    found: list[Metadata[Root]] = []
    for number in itertools.count(1):
        path = folder / METADATA / f"{number}.root.json"
        if found and not path.exists():
            return found
        root = parse(path.read_bytes(), path)
        for delegator in (*found[-1:], root):
            _verify(delegator, ROOT, root, path)
        if root.signed.version != number:
            cause = f"it holds version {root.signed.version}"
            raise errors.BadInput(str(path), cause, _REMEDY)
        found.append(root)
    raise AssertionError("itertools.count ended")


def parse(content: bytes, where: pathlib.Path) -> Metadata[Any]:
    """Metadata as python-tuf reads them; nothing is verified.

    Raises:
        BadInput: they are none.
    """
    foreign.parse_json(content, str(where), _REMEDY)
    try:
        return Metadata.from_bytes(content)
    except exceptions.RepositoryError as error:
        raise errors.BadInput(str(where), f"no metadata: {error}", _REMEDY) from error


def is_signed(root: Metadata[Root], role: str, by: Metadata[Any]) -> bool:
    """Whether enough keys of a role have signed."""
    return root.signed.get_verification_result(role, by.signed_bytes, by.signatures).verified


def file_of(folder: pathlib.Path, target: TargetFile) -> pathlib.Path:
    """Where the content of a target lies."""
    directory, _, name = target.path.rpartition("/")
    return folder / TARGET_FILES / directory / f"{target.hashes['sha256']}.{name}"


def bytes_of(metadata: Metadata[Any]) -> bytes:
    """As they are served; the same for the same metadata."""
    return metadata.to_bytes()


def days_left(metadata: Metadata[Any]) -> float:
    """Until it expires; below 0 afterwards."""
    return (metadata.signed.expires - now()).total_seconds() / 86_400


def now() -> datetime.datetime:
    """This second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _checked(
    root: Metadata[Root], role: str, path: pathlib.Path, told: MetaFile | None = None
) -> Metadata[Any]:
    content = foreign.read_bytes(path, _REMEDY)
    found = parse(content, path)
    _verify(root, role, found, path)
    if told is not None:
        try:
            told.verify_length_and_hashes(content)
        except exceptions.LengthOrHashMismatchError as error:
            cause = f"not what was signed for: {error}"
            raise errors.BadInput(str(path), cause, _REMEDY) from error
        if found.signed.version != told.version:
            raise errors.BadInput(str(path), f"of version {found.signed.version}", _REMEDY)
    return found


def _verify(by: Metadata[Root], role: str, metadata: Metadata[Any], path: pathlib.Path) -> None:
    if metadata.signed.type != role:
        raise errors.BadInput(str(path), f"it is {metadata.signed.type}, not {role}", _REMEDY)
    result = by.signed.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        cause = (
            f"signed by {len(result.signed)} of the {result.threshold} keys that root "
            f"{by.signed.version} asks for"
        )
        raise errors.BadInput(str(path), cause, _REMEDY)
