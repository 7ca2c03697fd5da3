"""Whether the examples a model was trained on, as its owner states them, are held out here.

A file states one example a line: a path below the data folder (or any other: files elsewhere are
compared by content), a SHA-256 as `sha256sum` writes it, or a row number ("12" of the array that
the held-out examples come from, "x_train:12" of another). Or it is what `write_split` wrote, of
which all but the held-out lines count. What nobody states cannot be known: accuracy does not tell.
"""

import dataclasses
import io
import pathlib
import re

from absl import logging

from tfedge import errors, plain_text
from tfedge.data.provenance import origins
from tfedge.data.task import Task

_DRAWN = "tfedge drew this split; whether your training saw it is not known: see --trained_on"
_SHOWN = 3
_DIGEST = re.compile(r"([0-9a-fA-F]{64})(?:\s+\*?(.*))?")
_WRITTEN = re.compile(r"(train|calibration|validation|holdout)\t.*\t([0-9a-f]{64})")


def write_split(task: Task, path: str | pathlib.Path) -> None:
    """Writes which example is in which split: role, name and SHA-256, with tabs between.

    Calibration is left out where it is a part of train.

    Raises:
        BadInput: the file cannot be written.
    """
    written, lines = set(), io.StringIO()
    for role in ("train", "validation", "holdout", "calibration"):
        split = task.splits().get(role)
        if split is None:
            continue
        origin = task.origin_of(role)
        for name, digest in zip(origin.names(), origin.digests(split), strict=True):
            if role != "calibration" or (name, digest) not in written:
                lines.write(f"{role}\t{_one_line(name)}\t{digest}\n")
            written.add((name, digest))
    try:
        pathlib.Path(path).write_text(lines.getvalue(), encoding="utf-8")
    except OSError as error:
        raise errors.BadInput(
            f"--write_split={path}",
            (error.strerror or str(error)).lower(),
            "Name a file in a folder that can be written to.",
        ) from error


def check_file(path: str | pathlib.Path) -> None:
    """Refuses a file that cannot be read or states nothing, before there are data.

    Raises:
        BadInput: see above.
    """
    _stated(path, f"--trained_on={path}")


def check(task: Task, path: str | pathlib.Path) -> Task:
    """The task, knowing that none of the examples stated in the file is held out.

    Lines that name nothing in the data are counted in a warning and in what the task says.

    Raises:
        BadInput: the file cannot be read, states nothing or nothing of these data, or states
            examples that are held out here.
    """
    where = f"--trained_on={path}"
    stated = _stated(path, where)
    held_out = _HeldOut(task)
    seen: dict[int, int] = {}
    unknown = []
    for number, line in stated:
        found = held_out.find(line, pathlib.Path(path).parent)
        if found is None:
            unknown.append((number, line))
        for index in found or ():
            seen.setdefault(index, number)
    if seen:
        raise errors.BadInput(
            where,
            f"{len(seen):,} of {len(held_out.names):,} held-out examples are among the"
            f" {len(stated):,} stated as trained on, the first: {held_out.shown(seen)}"
            f"{held_out.numbering}",
            "Judge on examples that training has not seen: add new ones, or train on the train"
            " lines of tools/check_data.py --write_split=FILE alone.",
        )
    if len(unknown) == len(stated):
        raise errors.BadInput(
            where,
            f"none of its {len(stated):,} lines is an example of these data, the first:"
            f" {unknown[0][1]!r}",
            "Give paths below the data folder, SHA-256s or row numbers, one a line.",
        )
    return dataclasses.replace(task, trained_on=_words(len(stated), unknown, where))


def words(task: Task) -> str:
    """What is known of whether training saw the held-out examples; "" where they were given."""
    return task.trained_on or (_DRAWN if task.holdout_drawn else "")


def _words(stated: int, unknown: list[tuple[int, str]], where: str) -> str:
    words = f"the stated training data ({stated:,} lines) do not overlap the held-out set"
    if not unknown:
        return words
    number, line = unknown[0]
    logging.warning(
        "%s: %d of %d lines are no example of these data and were compared with nothing, the"
        " first: line %d, %s",
        *(where, len(unknown), stated, number, line),
    )
    return f"{words}; {len(unknown):,} of the lines are not in these data and were not compared"


class _HeldOut:
    """The held-out examples, to be found by name or content."""

    def __init__(self, task: Task):
        if task.holdout is None:
            raise errors.BadInput("--trained_on", "no example is held out", "Hold some out.")
        self._origins = [task.origin_of(role) for role in task.splits()]
        self._own = task.origin_of("holdout")
        self.names = self._own.names()
        self._by_name = {name: index for index, name in enumerate(self.names)}
        self._by_digest: dict[str, list[int]] = {}
        for index, digest in enumerate(self._own.digests(task.holdout)):
            self._by_digest.setdefault(digest, []).append(index)

    def find(self, line: str, folder: pathlib.Path) -> list[int] | None:
        """The held-out examples that a line states; None where it states nothing of the data."""
        if written := _WRITTEN.fullmatch(line):
            return self._by_digest.get(written[2], [])
        if summed := _DIGEST.fullmatch(line):
            return self._by_digest.get(summed[1].lower(), [])
        if isinstance(self._own, origins.Rows) and line.isdecimal():
            line = self._own.name_of(int(line))
        if line in self._by_name:
            return [self._by_name[line]]
        if any(each.holds(line) for each in self._origins if isinstance(each, origins.Rows)):
            return []
        roots = {each.folder for each in self._origins if isinstance(each, origins.Files)}
        for root in (*roots, pathlib.Path(), folder):
            if digest := _file_digest(root / line):
                return self._by_digest.get(digest, [])
        return None

    def shown(self, seen: dict[int, int]) -> str:
        """The first examples found, each with the line that states it."""
        first = sorted(seen)[:_SHOWN]
        words = ", ".join(f"{self.names[index]} (line {seen[index]})" for index in first)
        return words + (", ..." if len(seen) > _SHOWN else "")

    @property
    def numbering(self) -> str:
        """What a plain number means, where there is more than one array."""
        if not isinstance(self._own, origins.Rows) or not self._own.array:
            return ""
        return f" (a number alone is a row of {self._own.array}; of another array, ARRAY:ROW)"


def _stated(path: str | pathlib.Path, where: str) -> list[tuple[int, str]]:
    """(line number, line) of what was trained on."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise errors.BadInput(
            where, (error.strerror or str(error)).lower(), "Name a text file."
        ) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    stated = [(number, line) for number, line in lines if line and not _is_held_out(line)]
    if not stated:
        raise errors.BadInput(
            where,
            "it states no example that was trained on",
            "Give paths below the data folder, SHA-256s or row numbers, one a line.",
        )
    return stated


def _is_held_out(line: str) -> bool:
    written = _WRITTEN.fullmatch(line)
    return written is not None and written[1] == "holdout"


def _file_digest(path: pathlib.Path) -> str | None:
    try:
        return origins.file_digest(path) if path.is_file() else None
    except (OSError, ValueError):  # unreadable, a name too long or with a NUL
        return None


def _one_line(name: str) -> str:
    """A name that ends no line and starts no column; the SHA-256 finds its example."""
    return plain_text.printable(name).translate({9: "\\t", 10: "\\n"})
