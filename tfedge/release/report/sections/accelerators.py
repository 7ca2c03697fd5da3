"""What the GPU and NPUs of a phone would take of the file, by their stated rules."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge.device.compatibility import Compatibility

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "What a phone's accelerators would take"
PLACE = 80


@dataclasses.dataclass(frozen=True)
class Accelerators:
    """What was foreseen for the phone class."""

    profile: str
    compatibility: Compatibility


def of(facts: "Facts") -> Accelerators | None:
    """None where nothing was foreseen."""
    found = facts.scorecard.compatibility
    return None if found is None else Accelerators(facts.scorecard.profile.name, found)
