"""How often one held-out set was looked at, and with what margins: luck has as many chances.

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
from collections.abc import Iterator, Mapping, Sequence
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
class Look:
    """One judgement.

    Attributes:
        candidate: SHA-256 of the .tflite.
        margin: of all metrics, or of each by its name; None where it was not kept.
    """

    candidate: str
    margin: float | Mapping[str, float] | None

    def margin_of(self, metric: str) -> float | None:
        """That of a metric; None where it was not judged, or not kept."""
        return self.margin.get(metric) if isinstance(self.margin, Mapping) else self.margin


@dataclasses.dataclass(frozen=True)
class Widened:
    """A margin that was smaller in an earlier judgement of this held-out set or this candidate.

    Attributes:
        metric: whose it is; "" where it is that of all.
        before: the smallest there was.
        now: what it is.
    """

    metric: str
    before: float
    now: float


@dataclasses.dataclass(frozen=True)
class Use:
    """One judgement among those by the same held-out set, of this user on this computer.

    Attributes:
        number: 1 for the first; the same candidate judged again counts again.
        candidates: how many different ones were judged so far, this one included.
        widened: margins that were smaller before.
    """

    number: int
    candidates: int = 1
    widened: tuple[Widened, ...] = ()


def record(scorecard: "Scorecard", candidate: bytes, margins: Mapping[str, float]) -> Use | None:
    """Counts a judgement.

    Args:
        scorecard: its own; one that did not run has shown nothing and is not counted.
        candidate: the .tflite.
        margins: the accepted loss by metric, of all that are judged.

    Returns:
        None where the set has no fingerprint, or the count cannot be kept; that is logged.
    """
    fingerprint = scorecard.held_out
    if scorecard.failure or not fingerprint or fingerprint.startswith("not available"):
        return None
    different = set(margins.values())
    look = Look(
        hashlib.sha256(candidate).hexdigest(),
        different.pop() if len(different) == 1 else dict(margins),
    )
    path = _folder() / f"{hashlib.sha256(fingerprint.encode()).hexdigest()}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            before = _read(path)
            looks = [dataclasses.asdict(each) for each in (*before, look)]
            _write(path, {"fingerprint": fingerprint, "looks": looks})
        others = _elsewhere(path, look.candidate)
    except OSError as error:
        logging.warning(
            "how often this held-out set was used is not known: %s (%s)",
            path,
            (error.strerror or str(error)).lower(),
        )
        return None
    return Use(
        len(before) + 1,
        len({each.candidate for each in (*before, look)}),
        _widened(margins, [*before, *others]),
    )


def _widened(margins: Mapping[str, float], looks: Sequence[Look]) -> tuple[Widened, ...]:
    found = []
    for metric, now in margins.items():
        before = [margin for look in looks if (margin := look.margin_of(metric)) is not None]
        if min(before, default=now) < now:
            found.append(Widened(metric, min(before), now))
    is_one = len({(each.before, each.now) for each in found}) == 1 and len(found) == len(margins)
    return (dataclasses.replace(found[0], metric=""),) if is_one else tuple(found)


def _elsewhere(path: pathlib.Path, candidate: str) -> list[Look]:
    """Judgements of this candidate by other held-out sets."""
    others = (each for each in path.parent.glob("*.json") if each != path)
    return [look for each in others for look in _read(each) if look.candidate == candidate]


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


def _read(path: pathlib.Path) -> list[Look]:
    """The judgements so far; none where the file is damaged, which is logged."""
    try:
        with path.open("rb") as file:
            content = foreign.parse_json(file.read(_MOST_BYTES), str(path), "Delete it.")
        if "looks" in content:
            looks = [Look(each["candidate"], each["margin"]) for each in content["looks"]]
        else:  # as it was written when a candidate counted once
            looks = [Look(each, None) for each in content["candidates"]]
        if all(_SHA256.fullmatch(each.candidate) and _is_margin(each.margin) for each in looks):
            return looks
        cause = "no SHA-256 sums and margins"
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        cause = type(error).__name__
    logging.warning("%s is damaged (%s): counting starts anew", path, cause)
    return []


def _is_margin(value: Any) -> bool:
    if isinstance(value, dict):
        return all(each is not None and _is_margin(each) for each in value.values())
    return value is None or (type(value) in (int, float) and 0 <= value < 1)


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
