"""The manifest of a release folder: what every file was when it was released.

More than half of single bit flips in a `.tflite` load without a word; only a hash of the whole
file finds them.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import Any

from tfedge import errors

NAME = "manifest.json"
SCHEMA_VERSION = 1
DROPPINGS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # of file browsers, no one's files
_ATTEMPTS = 20


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
        manifest = json.loads(content or b"")
        entries = manifest["files"].values()
        return manifest if all(entry.keys() >= {"sha256", "bytes"} for entry in entries) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def verify(output_dir: str | os.PathLike) -> dict:
    """Compares every file of a release with the manifest.

    Reads through one open folder, so a release published meanwhile cannot mix in.

    Returns:
        The manifest: schema_version and files, name -> {sha256, bytes}.

    Raises:
        BadInput: no manifest, or files missing, changed or added.
    """
    path = os.fspath(output_dir)
    for _ in range(_ATTEMPTS):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise errors.BadInput(
                path, (error.strerror or str(error)).lower(), "Give a release folder."
            ) from error
        try:
            return _verify_open(descriptor, path)
        except errors.BadInput:
            if _is_at(path, descriptor):
                raise
        finally:
            os.close(descriptor)
    raise errors.BadInput(path, "replaced faster than it can be read", "Try again.")


def _verify_open(descriptor: int, path: str) -> dict:
    manifest = parse(_read(descriptor, NAME))
    if manifest is None:
        raise errors.BadInput(path, f"has no readable {NAME}", "Give a release folder.")
    present = {name for name in os.listdir(descriptor) if name not in DROPPINGS} - {NAME}
    wrong = [f"{name} was added" for name in sorted(present - set(manifest["files"]))]
    for name, listed in manifest["files"].items():
        content = _read(descriptor, name)
        if content is None:
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(content).hexdigest() != listed["sha256"]:
            wrong.append(f"{name} was changed ({listed['bytes']:,} bytes, now {len(content):,})")
    if wrong:
        raise errors.BadInput(path, "not as released: " + "; ".join(wrong), "Release again.")
    return manifest


def _read(descriptor: int, name: str) -> bytes | None:
    try:
        file = os.open(name, os.O_RDONLY, dir_fd=descriptor)
    except OSError:
        return None
    with os.fdopen(file, "rb") as opened:
        return opened.read()


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
