"""The release folder: whole or not there, whatever kills the run.

Everything is written to a hidden folder beside it, down to the disk, and then exchanged with the
release in one step. A rejected candidate leaves the last good release alone; what speaks against
it goes to `DIR.rejected`, exchanged in the same way.

    with bundle.lock("out") as folder:
        ...                               # hours of work
        bundle.publish(folder, {"model.tflite": content, "verdict.json": verdict, ...})
    bundle.verify("out")
"""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge import errors
from tfedge.release import lock as kernel_lock
from tfedge.release import manifest, output_folder, swap

verify = manifest.verify


@contextlib.contextmanager
def lock(output_dir: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Claims an output folder for a run, before any work is done.

    Makes missing parents, refuses a folder that could not be published to later, and clears what
    a killed run left. The folder itself appears with the first release.

    Yields:
        The absolute path of the output folder.

    Raises:
        BadInput: another run holds it; it or its `.rejected` is a file, read-only, a mount point,
            the current folder or holds files that are not a release; the disk is full.
    """
    folder = pathlib.Path(os.path.realpath(output_dir))
    if not folder.name:
        raise errors.BadInput(str(folder), "it is the whole disk", "Give a folder in it.")
    targets = folder, rejected_dir(folder)
    with contextlib.ExitStack() as held:
        with _as_bad_input(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            for target in targets:
                output_folder.refuse_unusable(target)
            held.enter_context(kernel_lock.hold(_lock_file(folder), str(folder)))
            for target in targets:
                swap.recover(_staged(target), target)
        yield folder


def publish(
    output_dir: str | os.PathLike,
    files: dict[str, bytes],
    facts: Mapping[str, Any] | None = None,
) -> pathlib.Path:
    """Makes `files`, with a manifest of them, the content of the output folder.

    Takes the lock for itself unless this process holds it already.

    Args:
        output_dir: the release folder.
        files: content by plain file name; every `.json` is an object with a `schema_version`.
        facts: what else the manifest tells, by name.

    Returns:
        The absolute path of the release folder.

    Raises:
        BadInput: see `lock`; also a disk that is full by now. The old release is then untouched.
        ValueError: files that break the contract.
    """
    return _replace(output_dir, files, facts or {}, to_rejected=False)


def reject(
    output_dir: str | os.PathLike,
    files: dict[str, bytes],
    facts: Mapping[str, Any] | None = None,
) -> pathlib.Path:
    """Like `publish`, but into `DIR.rejected`: the release stays as it is."""
    return _replace(output_dir, files, facts or {}, to_rejected=True)


def rejected_dir(output_dir: str | os.PathLike) -> pathlib.Path:
    """Where the verdict on a rejected candidate goes."""
    folder = pathlib.Path(os.path.realpath(output_dir))
    return folder.with_name(f"{folder.name}.rejected")


def _replace(
    output_dir: str | os.PathLike,
    files: dict[str, bytes],
    facts: Mapping[str, Any],
    to_rejected: bool,
) -> pathlib.Path:
    folder = pathlib.Path(os.path.realpath(output_dir))
    if not kernel_lock.held_here(_lock_file(folder)):
        with lock(folder):
            return _replace(folder, files, facts, to_rejected)
    target = rejected_dir(folder) if to_rejected else folder
    staged = _staged(target)
    content = {**files, manifest.NAME: manifest.of(files, facts)}
    with _as_bad_input(target):
        output_folder.refuse_unusable(target)  # again: hours have passed
        try:
            swap.write_folder(staged, content)
            swap.put_in_place(staged, target)
        except OSError:
            with contextlib.suppress(OSError):
                swap.recover(staged, target)
            raise
    return target


def _lock_file(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(f"{folder.name}.lock")


def _staged(target: pathlib.Path) -> pathlib.Path:
    return target.with_name(f".{target.name}.tfedge-new")


@contextlib.contextmanager
def _as_bad_input(folder: pathlib.Path) -> Iterator[None]:
    """Tells in one line what the file system refused."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = (
            "Free some space and run again; an older release there is untouched."
            if full
            else "Give a folder that can be written with --output_dir."
        )
        raise errors.BadInput(
            str(folder), (error.strerror or str(error)).lower(), remedy
        ) from error
