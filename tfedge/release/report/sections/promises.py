"""What passes promised of the weights, and what the file holds."""

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

from tfedge.release.report import wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Promises found in the file"
PLACE = 100


@dataclasses.dataclass(frozen=True)
class Promises:
    """Rows of the scorecard's holds, those that are broken, and all of it in a line."""

    rows: tuple[dict[str, Any], ...]
    broken: tuple[dict[str, Any], ...]
    summary: str


def of(facts: "Facts") -> Promises | None:
    """None without any."""
    rows = facts.scorecard.holds
    if not rows:
        return None
    broken = tuple(each for each in rows if not each["kept"])
    return Promises(rows, broken, _summary(rows, broken))


def _summary(rows: tuple[dict[str, Any], ...], broken: tuple[dict[str, Any], ...]) -> str:
    """Such as "6 promises about 3 layers (3 zeros, 3 bits): all kept"."""
    kinds = collections.Counter(wording.words(each["kind"]) for each in rows)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    layers = len({each["tensor"] for each in rows})
    kept = f"{len(broken)} broken" if broken else "all kept"
    whole = f"{wording.count(len(rows), 'promise')} about {wording.count(layers, 'layer')}"
    return f"{whole} ({told}): {kept}"
