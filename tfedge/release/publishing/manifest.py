"""The manifest of a release folder: what every file was when it was released.

More than half of single bit flips in a `.tflite` load without a word; only a hash of the whole
file finds them.
"""

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tfedge import errors, foreign

NAME = "manifest.json"
RELEASED = "released"  # false of a candidate that was not; missing of all that was
SCHEMA_VERSION = 1
DROPPINGS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # of file browsers, no one's files
_ATTEMPTS = 20
_Found = TypeVar("_Found")


def of(files: dict[str, bytes], facts: Mapping[str, Any] | None = None) -> bytes:
    """The manifest of these files, as the bytes of its own file.

    Args:
        files: content by plain file name; every `.json` is an object with a `schema_version`.
        facts: what else whoever loads the model has to know, by name.

    Raises:
        ValueError: files that break the contract.
    """
    for name, content in files.items():
        if name != os.path.basename(name) or name in {"", ".", "..", NAME}:
            raise ValueError(f"{name!r} is not a plain file name, or is the manifest's own")
        if name.endswith(".json") and "schema_version" not in json.loads(content):
            raise ValueError(f"{name} carries no schema_version")
    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    }
    return as_json({**(facts or {}), "files": listed})


def as_json(fields: Mapping[str, Any]) -> bytes:
    """Fields as the bytes of a JSON file that carries the schema version; NaN becomes null."""
    content = _finite({"schema_version": SCHEMA_VERSION, **fields})
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse(content: bytes | None) -> dict | None:
    """The manifest in these bytes, or None if they are not one."""
    try:
        manifest = foreign.parse_json(content or b"", NAME, "Release again.")
        entries = manifest["files"].values()
        whole = all(type(each["sha256"]) is str and type(each["bytes"]) is int for each in entries)
        return manifest if whole else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def is_release(listing: Mapping[str, Any]) -> bool:
    """Whether a manifest is that of a release, and not of a rejected candidate."""
    return listing.get(RELEASED) is not False


def verify(output_dir: str | os.PathLike) -> dict:
    """Compares every file of a release with the manifest.

    Reads through one open folder, so a release published meanwhile cannot mix in.

    Returns:
        The manifest: schema_version and files, name -> {sha256, bytes}.

    Raises:
        BadInput: no manifest, or files missing, changed or added.
    """
    return _through_one_folder(output_dir, _verify_open)


def read_release(output_dir: str | os.PathLike) -> dict[str, bytes]:
    """All files of one release, the manifest first, verified as `verify` does.

    Returns:
        Content by file name.

    Raises:
        BadInput: see `verify`.
    """
    return _through_one_folder(output_dir, _read_open)


def _through_one_folder(
    output_dir: str | os.PathLike, look: Callable[[int, str], _Found]
) -> _Found:
    """What `look` finds in a folder that was not replaced before it was done."""
    path = os.fspath(output_dir)
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise errors.BadInput(
                path, (error.strerror or str(error)).lower(), "Give a release folder."
            ) from error
        try:
            return look(descriptor, path)
        except errors.BadInput:
            if _is_at(path, descriptor):
                raise
        finally:
            os.close(descriptor)
    raise errors.BadInput(path, "replaced faster than it can be read", "Try again.")


def _verify_open(descriptor: int, path: str) -> dict:
    manifest = read(descriptor)
    if manifest is None:
        raise errors.BadInput(path, f"has no readable {NAME}", "Give a release folder.")
    wrong = [f"{name} {what}" for name, what in strangers(descriptor, manifest).items()]
    present = os.listdir(descriptor)
    wrong += [f"{name} is missing" for name in manifest["files"] if name not in present]
    if wrong:
        raise errors.BadInput(path, "not as released: " + "; ".join(wrong), "Release again.")
    return manifest


def _read_open(descriptor: int, path: str) -> dict[str, bytes]:
    """The bytes that are returned are the ones that were compared."""
    listed = (read(descriptor) or {"files": {}})["files"]
    content = {name: _read(descriptor, name) or b"" for name in (NAME, *listed)}
    _verify_open(descriptor, path)
    for name, entry in listed.items():
        if hashlib.sha256(content[name]).hexdigest() != entry["sha256"]:
            raise errors.BadInput(path, f"{name} changes while it is read", "Try again.")
    return content


def strangers(descriptor: int, manifest: dict | None) -> dict[str, str]:
    """What is in an open folder and is not as its manifest says: nobody may delete it.

    Args:
        descriptor: of the folder.
        manifest: what it holds; None knows no file but the manifest's own.

    Returns:
        Name -> what happened to it, "was added" or "was changed (10 bytes, now 12)", sorted.
    """
    listed = manifest["files"] if manifest else {}
    found = {}
    for name in sorted(set(os.listdir(descriptor)) - DROPPINGS - {NAME}):
        content = _read(descriptor, name) if name in listed else None
        if content is None:
            found[name] = "was added"
        elif hashlib.sha256(content).hexdigest() != listed[name]["sha256"]:
            was = listed[name]["bytes"]
            found[name] = f"was changed ({was:,} bytes, now {len(content):,})"
    return found


def read(descriptor: int) -> dict | None:
    """The manifest in an open folder, or None where there is no readable one."""
    return parse(_read(descriptor, NAME))


def _read(descriptor: int, name: str) -> bytes | None:
    """None for what is no file: a folder, a link, a pipe that would make us wait."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return None
    with os.fdopen(file, "rb") as opened:
        return opened.read()


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
