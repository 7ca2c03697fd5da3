"""What comes of a judgement."""

import dataclasses
import pathlib

from tfedge import shown
from tfedge.device.scorecard import Scorecard
from tfedge.release.gate.verdict import Verdict


@dataclasses.dataclass(frozen=True, repr=False)
class Release(shown.Shown):
    """What came out: the verdict, what it rests on, and the folder it is in."""

    verdict: Verdict
    scorecard: Scorecard
    folder: pathlib.Path

    def _shown(self) -> tuple[str, shown.Rows]:
        rows = [("verdict", self.verdict.sentence), ("folder", str(self.folder))]
        return f"Release for {self.scorecard.profile.name}", [*rows, *self.scorecard.figures()]
