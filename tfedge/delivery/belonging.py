"""Which repository keys are for, so that those of another are not taken for it.

`repository.json` in the folder of keys says it since they were made. An audience's key has no
number in what is signed; that it is the right one shows where it opens what was sealed before.
"""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from tuf.api.metadata import Metadata, Root

from tfedge import errors, foreign
from tfedge.delivery import keyring, names, shelf, trusted, wrapping, writing
from tfedge.delivery.keyring import ROLES, ROOT

NAME = "repository.json"
SCHEMA_VERSION = 1
_REMEDY = "Give a new or empty folder with --keys."


def check_new(folder: pathlib.Path, ring: keyring.Keyring) -> None:
    """Refuses keys of another repository for one that is to be made.

    Args:
        folder: of the repository.
        ring: that will sign for it.

    Raises:
        BadInput: they are, or nothing says that they are not.
    """
    for each in ring.folders:
        told = _told(each)
        has_keys = any(path for role in ROLES for path in each.glob(f"{role}-*.key"))
        if told.get("folder", str(folder)) != str(folder):
            cause = f"the keys here are those of {told['folder']}"
            raise errors.BadInput(str(each), cause, _REMEDY)
        if has_keys and not told:
            cause = f"keys are here, and no {NAME} says of which repository"
            raise errors.BadInput(str(each), cause, _REMEDY)


def write(folder: pathlib.Path, ring: keyring.Keyring, root_keys: Iterable[str] = ()) -> None:
    """Notes whose keys these will be.

    Args:
        folder: of the repository.
        ring: whose first folder gets the note.
        root_keys: ids of the keys of its first root, as soon as they are there.
    """
    told = {"schema_version": SCHEMA_VERSION, "folder": str(folder), "root_keys": sorted(root_keys)}
    writing.folder(ring.folders[0], 0o700)
    writing.put(ring.folders[0] / NAME, (json.dumps(told, indent=1) + "\n").encode())


def check_audience(
    folder: pathlib.Path, state: trusted.State, ring: keyring.Keyring, audience: str
) -> None:
    """Refuses the key of an audience that is another repository's.

    Args:
        folder: of the repository.
        state: of it.
        ring: with the key.
        audience: its name.

    Raises:
        BadInput: it is, or there is none.
    """
    key, where = ring.audience_key(audience), ring.audience_path(audience)
    first: Metadata[Root] = trusted.parse((folder / trusted.FIRST_ROOT).read_bytes(), folder)
    known = _told(where.parent).get("root_keys", [])
    if known and not set(known) & set(first.signed.roles[ROOT].keyids):
        raise _refusal(where, f"it is a key of {_told(where.parent)['folder']}", folder)
    targets = state.targets.signed.targets
    for model, version in shelf.all_versions(targets):
        told = shelf.fields(targets, model, version)
        if audience in told.keys:
            name = names.sealed(model, version)
            try:
                wrapping.unwrap(told.keys[audience], key, name)
            except errors.BadInput as error:
                cause = f"it does not open {name}, which is for {audience}"
                raise _refusal(where, cause, folder) from error
            return


def _refusal(where: pathlib.Path, cause: str, folder: pathlib.Path) -> errors.BadInput:
    return errors.BadInput(str(where), cause, f"Give --keys=FOLDER with the keys of {folder}.")


def _told(keys: pathlib.Path) -> Mapping[str, Any]:
    """What the note says; empty where there is none."""
    path = keys / NAME
    if not path.exists():
        return {}
    remedy = "Take it from a backup."
    told = foreign.read_json(path, remedy)
    with foreign.reading(path, remedy, f"no {NAME} of a folder of keys"):
        if foreign.whole(told["schema_version"]) != SCHEMA_VERSION:
            raise ValueError(f"it is of version {told['schema_version']}")
        return {"folder": str(told["folder"]), "root_keys": [str(key) for key in told["root_keys"]]}
