"""The output folder: whole or not there, and nobody's changes are overwritten."""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping

from tfedge import errors, foreign
from tfedge.release.publishing import atomic_replace, manifest

LISTING = "tfedge-files.json"
SCHEMA_VERSION = 1
# What package managers and file browsers put there when the README is followed.
_DROPPINGS = manifest.DROPPINGS | {"node_modules", "package-lock.json", ".gradle", "Podfile.lock"}
_REMEDY = "Give another --output_dir, or move your changes away."


@contextlib.contextmanager
def checked(output_dir: str | os.PathLike) -> Iterator[pathlib.Path]:
    """The absolute path of a folder that may be written, looked at before any work.

    Raises:
        BadInput: it is a file, cannot be written, or holds what this did not write or what was
            changed since.
    """
    folder = pathlib.Path(os.path.realpath(output_dir))
    where = f"--output_dir={os.fspath(output_dir)}"
    if folder.exists():
        if not folder.is_dir():
            raise errors.BadInput(where, "it is a file", "Give a folder.")
        _refuse_changes(folder, where)
    with _as_bad_input(where):
        yield folder


def write(folder: pathlib.Path, platform: str, sha256: str, files: Mapping[str, bytes]) -> None:
    """Puts these files, by path, in the place of what an earlier call wrote.

    Args:
        folder: as `checked` gave it.
        platform: its name.
        sha256: of the model.
        files: content by path in the folder.
    """
    hashes = {path: _sha256(content) for path, content in files.items()}
    listing = {
        "schema_version": SCHEMA_VERSION,
        "platform": platform,
        "model_sha256": sha256,
        "files": hashes,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        os.chmod(staged, 0o777 & ~_umask())
        for path, content in {**files, LISTING: _json(listing)}.items():
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            (staged / path).write_bytes(content)
        replaced = atomic_replace.put_in_place(staged, folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)


def _refuse_changes(folder: pathlib.Path, where: str) -> None:
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
        if not _DROPPINGS.intersection(path.relative_to(folder).parts)
    }
    if not present:
        return
    if LISTING not in present:
        cause = f"it holds what this did not write: {sorted(present)[0]}"
        raise errors.BadInput(where, cause, "Give a new folder.")
    listing = foreign.read_json(folder / LISTING, _REMEDY)
    with foreign.reading(f"{where}, {LISTING}", _REMEDY):
        listed = dict(listing["files"])
    changed = [
        path
        for path in sorted(present - {LISTING})
        if path not in listed or _sha256((folder / path).read_bytes()) != listed[path]
    ]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise errors.BadInput(where, f"{changed[0]}{more} was changed or added since", _REMEDY)


@contextlib.contextmanager
def _as_bad_input(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise errors.BadInput(where, words, "Give a folder that can be written.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(listing: Mapping[str, object]) -> bytes:
    return (json.dumps(listing, indent=2) + "\n").encode()
