"""How many candidates were judged on one held-out set: luck has as many chances.

Each user has one small file for each held-out set, under TFEDGE_STATE_DIR, or tfedge in
XDG_STATE_HOME (~/.local/state). It holds SHA-256 sums of files, nothing of the data. Counting is a
courtesy: where the file cannot be read or written, that is logged and the release goes on.

Reference: C. Dwork et al., "The reusable holdout", Science 349, 2015, on what repeated looks cost.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import foreign

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard

SCHEMA_VERSION = 1
_PATIENCE_SECONDS = 2.0
_MOST_BYTES = 2**24  # some 200,000 candidates
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Use:
    """One candidate among those judged on the same held-out set by this user on this computer.

    Attributes:
        number: 1 for the first that was judged; a candidate that comes again keeps its own.
    """

    number: int


def record(scorecard: "Scorecard", candidate: bytes) -> Use | None:
    """Counts a candidate, once however often it is judged.

    Args:
        scorecard: its own; one that did not run has shown nothing and is not counted.
        candidate: the .tflite.

    Returns:
        None where the set has no fingerprint, or the count cannot be kept; that is logged.
    """
    fingerprint = scorecard.held_out
    if scorecard.failure or not fingerprint or fingerprint.startswith("not available"):
        return None
    digest = hashlib.sha256(candidate).hexdigest()
    path = _folder() / f"{hashlib.sha256(fingerprint.encode()).hexdigest()}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            judged = _read(path)
            if digest not in judged:
                judged.append(digest)
                _write(path, {"fingerprint": fingerprint, "candidates": judged})
            return Use(judged.index(digest) + 1)
    except OSError as error:
        logging.warning(
            "how often this held-out set was used is not known: %s (%s)",
            path,
            (error.strerror or str(error)).lower(),
        )
        return None


def _folder() -> pathlib.Path:
    own = os.environ.get("TFEDGE_STATE_DIR")
    if own:
        return pathlib.Path(own) / "holdout_uses"
    given = pathlib.Path(os.environ.get("XDG_STATE_HOME") or "")
    # The specification has relative paths ignored.
    home = given if given.is_absolute() else pathlib.Path(os.path.expanduser("~/.local/state"))
    return home / "tfedge" / "holdout_uses"


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """Holds the lock file, which stays: the next run opens the same one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _read(path: pathlib.Path) -> list[str]:
    """The candidates so far; none where the file is damaged, which is logged."""
    try:
        with path.open("rb") as file:
            content = foreign.parse_json(file.read(_MOST_BYTES), str(path), "Delete it.")
        judged = content["candidates"]
        if all(_SHA256.fullmatch(each) for each in judged):
            return list(dict.fromkeys(judged))
        cause = "no SHA-256 sums"
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        cause = type(error).__name__
    logging.warning("%s is damaged (%s): counting starts anew", path, cause)
    return []


def _write(path: pathlib.Path, fields: dict[str, Any]) -> None:
    """The whole file or the old one."""
    aside = path.with_suffix(f".{os.getpid()}.new")
    try:
        aside.write_text(json.dumps({"schema_version": SCHEMA_VERSION, **fields}), "utf-8")
        os.replace(aside, path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
