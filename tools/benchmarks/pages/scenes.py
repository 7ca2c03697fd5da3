"""What happens to a page, scene by scene, each a visit by a browser that was ended in between."""

import dataclasses
import pathlib
import random
import time
from typing import Any

import numpy as np
from tfedge_tools.benchmarks.apps.subject import Subject
from tfedge_tools.benchmarks.pages.browser import Browser
from tfedge_tools.benchmarks.pages.publisher import Publisher
from tfedge_tools.benchmarks.pages.site import Site

from tfedge import app
from tfedge.app.asked import Asked
from tfedge.delivery import offering, serving

_CLASS = "Digits"
_DROPS = "drop(at=9000, share=0.5, only='targets/*')"
_BROKEN = f"{_DROPS}, wrong_etag(share=0.5), wrong_start(times=1), short(by=7, times=1)"
_LATEST = 2.5  # times of an update: some are killed after it, busy as the computer is
_SLOW = "slow(bytes_per_second=6000, only='targets/*.sealed')"


@dataclasses.dataclass(frozen=True)
class Row:
    """What a visit has shown.

    Attributes:
        scene: what was done before.
        loaded: the version that the page began with; "the page's" for the one beside it.
        answers: how many were those of Python's interpreter for that version, to the last bit.
        update: what it said.
        is_right: whether all of it was as it has to be.
    """

    scene: str
    loaded: str
    answers: str
    update: str
    is_right: bool


@dataclasses.dataclass(frozen=True)
class Visit:
    """What a page said; `told` is empty where it did not ask for an update."""

    version: int | None
    answers: np.ndarray
    told: dict[str, Any]


class Stage:
    """The page, the repository of another origin, and one browser's profile.

    Args:
        place: an empty folder.
        subjects: two releases; the first is in the page.
    """

    def __init__(self, place: pathlib.Path, subjects: list[Subject]):
        self.publisher = Publisher(place)
        self.repository = serving.Server(self.publisher.folder)
        self._is_open = True
        self._profile, self._subjects = place / "profile", subjects
        self._known = [next(iter(each.answers().values())) for each in subjects]
        self._releases: dict[int, int] = {}  # version -> which subject
        self.repository.__enter__()
        asked = Asked(_CLASS, trust=str(self.publisher.trust), repository=self.repository.address)
        folder = app.write(subjects[0].release, "web", place / "page", asked)
        rows = subjects[0].rows()
        listed = [
            {name: array[row].reshape(-1).tolist() for name, array in rows.items()}
            for row in range(len(self._known[0]))
        ]
        self.site = Site(folder, listed, _CLASS)
        self.site.__enter__()
        self.model = offering.read(subjects[0].release, "stable").model

    def close(self) -> None:
        """Ends the servers."""
        self.site.__exit__()
        self.close_repository()

    def close_repository(self) -> None:
        """It cannot be reached any more."""
        if self._is_open:
            self.repository.__exit__()
            self._is_open = False

    def publish(self, number: int, *, is_bad: bool = False) -> int:
        """One of the releases; its version."""
        version = self.publisher.add(self._subjects[number].release, is_bad=is_bad)
        self._releases[version] = number
        return version

    def visit(self, query: str = "update", folder: str = "") -> Visit:
        """A browser is started, looks at the page, and is ended."""
        with self.browser(query, folder):
            loaded = self.site.heard("loaded")
            told = self.site.heard("updated") if "update" in query else {}
        return Visit(loaded["version"], np.array(loaded["answers"], np.float32), told)

    def browser(self, query: str, folder: str = "") -> Browser:
        """One that is started on the page."""
        return Browser(self._profile, f"{self.site.address}{folder}?{query}")

    def same(self, visit: Visit) -> int:
        """How many answers are those that Python has for the version."""
        number = 0 if visit.version is None else self._releases[visit.version]
        known = self._known[number].reshape(len(visit.answers), -1).astype(np.float32)
        return int((known == visit.answers).all(axis=1).sum())

    def row(self, scene: str, version: int | None, expected: str, visit: Visit) -> Row:
        """What a visit was, beside what it has to be."""
        told, total = visit.told, len(visit.answers)
        said = f"{told['outcome']} {told['version']} {told['reason']}".strip() if told else ""
        same = self.same(visit)
        return Row(
            scene,
            "the page's" if visit.version is None else str(visit.version),
            f"{same} of {total}",
            said,
            (visit.version, said, same) == (version, expected, total),
        )


def run(place: pathlib.Path, subjects: list[Subject]) -> list[Row]:
    """All of them, in the order of a page's life."""
    stage, rows = Stage(place, subjects), []

    def scene(about: str, version: int | None, expected: str, **how: Any) -> None:
        rows.append(stage.row(about, version, expected, stage.visit(**how)))

    try:
        first = stage.publish(0)
        stage.repository.faults = serving.read_faults(_BROKEN)
        scene("first visit, broken network", None, f"updated {first}")
        second = stage.publish(1)
        scene("a later training, likewise", first, f"updated {second}")
        stage.repository.faults = ()
        bad = stage.publish(0, is_bad=True)
        scene("one that answers otherwise", second, f"kept {second} probe")
        scene("the day after", second, f"unchanged {second}")
        stage.publisher.withdraw(stage.model, bad)
        stage.publisher.withdraw(stage.model, second)
        scene("the good one is withdrawn", second, f"unchanged {first}")
        stage.publisher.withdraw(stage.model, second, undo=True)
        scene("and offered again", first, f"updated {second}")
        scene("without a bundler", second, f"unchanged {second}", folder="importmap/")
        again = stage.publish(1, is_bad=True)
        scene("a bad one, without a bundler", second, f"kept {second} probe", folder="importmap/")
        stage.publisher.withdraw(stage.model, again)
        stage.close_repository()
        scene("the repository is gone", second, f"kept {second} offline", query="update&attempts=2")
    finally:
        stage.close()
    return rows


@dataclasses.dataclass
class Killed:
    """Browsers that were killed while a page updated.

    Attributes:
        tries: how many.
        old, new: how many began with the version before, and with the later one, afterwards.
        wrong: of what they began with or answered afterwards, and of updates that did not end.
        seconds: of an update that was let be.
    """

    tries: int = 0
    old: int = 0
    new: int = 0
    wrong: int = 0
    seconds: float = 0.0


def kill(place: pathlib.Path, subjects: list[Subject], tries: int) -> Killed:
    """Kills at random moments between the start of an update and a while after its usual end."""
    stage, draw, found = Stage(place, subjects), random.Random(0), Killed()
    try:
        old = stage.publish(0)
        stage.visit()
        new = stage.publish(1)
        stage.repository.faults = serving.read_faults(_SLOW)
        found.seconds = stage.visit().told["ms"] / 1000
        for _ in range(tries):
            stage.publisher.withdraw(stage.model, new)
            if stage.visit().told["version"] != old:
                raise RuntimeError("the version before did not come back")
            stage.publisher.withdraw(stage.model, new, undo=True)
            browser = stage.browser("update")
            stage.site.heard("loaded")
            time.sleep(draw.random() * _LATEST * found.seconds)
            browser.kill()
            after = stage.visit()
            found.tries += 1
            found.old += after.version == old
            found.new += after.version == new
            is_good = after.version in (old, new) and stage.same(after) == len(after.answers)
            found.wrong += not (is_good and after.told["version"] == new and not _heard(stage))
    finally:
        stage.close()
    return found


def _heard(stage: Stage) -> bool:
    """Whether the page said that something failed."""
    return any(told["what"] == "failed" for told in list(stage.site.said.queue))
