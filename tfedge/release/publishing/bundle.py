"""The release folder: whole or not there, whatever kills the run.

Everything is written to a hidden folder beside it, down to the disk, and then exchanged with the
release in one step. A rejected candidate leaves the last good release alone; it and what speaks
against it go to `DIR.rejected`, exchanged in the same way.

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

from absl import logging

from tfedge import errors
from tfedge import lock as kernel_lock
from tfedge.release.publishing import atomic_replace, manifest, output_folder, removal

verify = manifest.verify
_REJECTED = ".rejected"


@contextlib.contextmanager
def lock(output_dir: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Claims an output folder for a run, before any work is done.

    Makes missing parents, which go again where nothing is published, refuses a folder that could
    not be published to later, and clears what a killed run left. The folder itself appears with
    the first release.

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
            held.enter_context(_parents(folder))
            for target in targets:
                output_folder.refuse_unusable(target)
            held.enter_context(kernel_lock.hold(_lock_file(folder), str(folder)))
            for target in targets:
                _recover(target)
        yield folder


@contextlib.contextmanager
def _parents(folder: pathlib.Path) -> Iterator[None]:
    """Makes missing parents; those that nothing was put into go again."""
    missing = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the first that holds something ends it
            for parent in missing:
                parent.rmdir()


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


def copy(output_dir: str | os.PathLike, destination: str | os.PathLike) -> pathlib.Path:
    """Copies a release, whole, also while a run publishes to it: never files of two releases.

    Args:
        output_dir: the release.
        destination: gets it, as `publish` would; a release that is there is replaced.

    Returns:
        The absolute path of the copy.

    Raises:
        BadInput: no release, or not as it was released; a rejected candidate; a destination that
            cannot be used.
    """
    content = manifest.read_release(output_dir)
    if not manifest.is_release(manifest.parse(content[manifest.NAME]) or {}):
        raise errors.BadInput(
            str(output_dir), "what is in it was not released", "Give a release; see its verdict."
        )
    with lock(destination) as folder:
        _put(folder, content)
    return folder


def rejected_dir(output_dir: str | os.PathLike) -> pathlib.Path:
    """Where a rejected candidate and the verdict on it go."""
    folder = pathlib.Path(os.path.realpath(output_dir))
    return folder.with_name(f"{folder.name}{_REJECTED}")


def owner_of(folder: str | os.PathLike) -> pathlib.Path:
    """The release folder whose lock guards this one: itself, or that a rejected one stands beside.

    Raises:
        BadInput: see `verify`; a rejected candidate that was moved.
    """
    given = pathlib.Path(os.path.realpath(folder))
    if manifest.is_release(manifest.verify(given)):
        return given
    owner = given.with_name(given.name.removesuffix(_REJECTED))
    if rejected_dir(owner) != given:
        raise errors.BadInput(
            str(given),
            "a rejected candidate that is not where its run has put it",
            f"Give the folder its name back, which ends in {_REJECTED}.",
        )
    return owner


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
    # The manifest is written first: of a killed run's folder it tells what was ours.
    _put(target, {manifest.NAME: manifest.of(files, facts), **files})
    return target


def _put(target: pathlib.Path, content: dict[str, bytes]) -> None:
    """Writes a folder beside `target` and exchanges it; what was there goes."""
    staged = _staged(target)
    with _as_bad_input(target):
        output_folder.refuse_unusable(target, output_folder.needed_bytes(content))
        try:
            atomic_replace.write_folder(staged, content)
            replaced = atomic_replace.put_in_place(staged, target)
        except OSError as error:
            _refuse_what_is_there(target, content, error)
            with contextlib.suppress(OSError, errors.BadInput):
                _recover(target)
            raise
    if replaced:
        _remove(replaced)


def _refuse_what_is_there(
    target: pathlib.Path, content: Mapping[str, bytes], error: OSError
) -> None:
    """Where a failed exchange could not be taken back, the new release is in place: say so."""
    listing = target / manifest.NAME
    with contextlib.suppress(OSError):
        if listing.read_bytes() == content[manifest.NAME]:
            raise errors.BadInput(
                str(target),
                f"the new release is in place, but its disk did not confirm it ({_words(error)})",
                "Check the disk, then run again.",
            ) from error


def _remove(replaced: pathlib.Path) -> None:
    try:
        foreign = removal.remove(replaced)
    except OSError as error:
        logging.warning("could not remove %s (%s); the next run will", replaced, error)
        return
    if foreign:
        logging.warning("%s stays, with what is not of a release: %s", replaced, ", ".join(foreign))


def _recover(target: pathlib.Path) -> None:
    """Clears what a killed run left beside `target`.

    Raises:
        BadInput: something that is not ours lies there.
    """
    for leftover in atomic_replace.recover(_staged(target), target):
        logging.info("removing %s, of a run that did not finish", leftover)
        foreign = removal.remove(leftover, partly_written=True)
        if foreign:
            raise errors.BadInput(
                str(leftover),
                f"its name is needed, and it holds what is not of a release: {', '.join(foreign)}",
                "Move that away.",
            )


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
        raise errors.BadInput(str(folder), _words(error), remedy) from error


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
