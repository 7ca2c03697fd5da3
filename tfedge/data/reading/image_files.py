"""Many image files: which cannot be read, all at once, and which are out of the ordinary."""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import TypeVar

from tfedge import errors, progress
from tfedge.data.reading import decoding
from tfedge.data.reading.decoding import Header, Unreadable

_MOST_NAMES = 12  # in a message; more are counted
# What is converted without a word: grey, colours, palettes and bits, with alpha or without.
_USUAL_MODES = ("RGB", "RGBA", "RGBX", "L", "LA", "P", "PA", "1")
Found = TypeVar("Found")


@dataclasses.dataclass(frozen=True)
class Checked:
    """What is known of the images of a folder.

    Attributes:
        bad: paths of those that cannot be read.
        sizes: (height, width) -> paths of the others that have it.
        notes: one line each, for the user.
    """

    bad: frozenset[str]
    sizes: Mapping[tuple[int, int], Sequence[str]]
    notes: tuple[str, ...]


def check(
    folder: pathlib.Path,
    paths: Sequence[str],
    channels: int,
    is_thorough: bool = False,
    is_skipping: bool = False,
) -> Checked:
    """Reads the headers of all images; where one is bad, or if `is_thorough`, decodes them all.

    Args:
        folder: they are below it.
        paths: of the images.
        channels: 1 or 3.
        is_thorough: damage behind a header shows only when an image is decoded.
        is_skipping: whether to leave out bad ones.

    Raises:
        BadInput: naming all that are bad, unless they are skipped.
    """
    with pool() as threads:
        headers = list(threads.map(_tried(decoding.header), paths))
    is_thorough = is_thorough or any(isinstance(each, Unreadable) for each in headers)
    bad = _undecodable(paths, channels) if is_thorough else []
    if bad and not is_skipping:
        raise errors.BadInput(
            f"images:{folder}",
            f"{len(bad):,} of {len(paths):,} images cannot be read: {_by_kind(folder, bad)}",
            "Replace them, or leave them out with --skip_bad_files (in Python with"
            f" images:{folder}?skip_bad_files=yes).",
        )
    gone = frozenset(each.path for each in bad)
    good = {
        path: each
        for path, each in zip(paths, headers, strict=True)
        if path not in gone and isinstance(each, Header)
    }
    skipped = f"{folder}: {len(bad):,} of {len(paths):,} images cannot be read and are left out: "
    notes = [skipped + _by_kind(folder, bad)] if bad else []
    sizes: dict[tuple[int, int], list[str]] = {}
    for path, each in good.items():
        sizes.setdefault(each.size, []).append(path)
    return Checked(gone, sizes, (*notes, *_oddities(folder, good)))


def _undecodable(paths: Sequence[str], channels: int) -> list[Unreadable]:
    tried = _tried(lambda path: decoding.decode(path, channels).shape)
    bad = []
    with progress.bar("looking for images that cannot be read", len(paths)) as advance:
        with pool() as threads:
            for found in threads.map(tried, paths):
                advance(1)
                bad += [found] if isinstance(found, Unreadable) else []
    return bad


def _by_kind(folder: pathlib.Path, bad: Sequence[Unreadable]) -> str:
    """Such as: 2 empty (cat/a.png, dog/b.png), 30 damaged (cat/c.png and 29 more)."""
    kinds: dict[str, list[str]] = {}
    for each in bad:
        kinds.setdefault(each.kind, []).append(each.path)
    share = max(1, _MOST_NAMES // len(kinds))
    return ", ".join(
        f"{len(paths):,} {kind} ({_names(folder, paths, share)})" for kind, paths in kinds.items()
    )


def _oddities(folder: pathlib.Path, found: Mapping[str, Header]) -> Iterator[str]:
    """What is done with images that are more than one plain picture, one line for each kind."""
    modes: dict[str, list[str]] = {}
    for path, header in found.items():
        if header.mode not in _USUAL_MODES:
            modes.setdefault(header.mode, []).append(path)
    several = [path for path, header in found.items() if header.is_animated]
    for mode, paths in modes.items():
        yield (
            f"{folder}: {mode} images are converted without their colour profile, which an app may"
            f" do otherwise: {len(paths):,} of {len(found):,} ({_names(folder, paths)})"
        )
    if several:
        yield (
            f"{folder}: of images with several frames or pages the first is taken:"
            f" {len(several):,} of {len(found):,} ({_names(folder, several)})"
        )


def left_out(folder: pathlib.Path, paths: Sequence[str]) -> Iterator[str]:
    """A line on files whose names are not those of images, if there are some."""
    kinds = collections.Counter(pathlib.Path(path).suffix.lower() or "no ending" for path in paths)
    shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(5))
    if paths:
        yield f"{folder}: files left out as no images: {shown} ({_names(folder, paths)})"


def pool() -> futures.ThreadPoolExecutor:
    """Pillow decodes outside the interpreter lock, so threads help."""
    return futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1))


def _tried(read: Callable[[str], Found]) -> Callable[[str], Found | Unreadable]:
    def attempt(path: str) -> Found | Unreadable:
        try:
            return read(path)
        except Unreadable as error:
            return error

    return attempt


def _names(folder: pathlib.Path, paths: Sequence[str], most: int = _MOST_NAMES) -> str:
    shown = ", ".join(pathlib.Path(path).relative_to(folder).as_posix() for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most:,} more"
