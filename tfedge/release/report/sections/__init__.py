"""What the report says of a release: one section, one file.

`ls` is the list: NAME.py here has TITLE, PLACE (sections come in the order of their places) and
`of(facts)`, which returns what there is to show or None; NAME.html beside it shows that as `found`,
and extends `section.html`. Every value is escaped: names come from users' files.
"""

import dataclasses
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts


@dataclasses.dataclass(frozen=True, eq=False)
class Section:
    """A section that has something to say: NAME, TITLE and PLACE of its file, and what it found."""

    name: str
    title: str
    place: int
    found: Any


def names() -> tuple[str, ...]:
    """Every section there is."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def of(facts: "Facts") -> dict[str, Section]:
    """Those that have something to say, by name, in the order of their places."""
    told = [_section(name, facts) for name in names()]
    shown = sorted((each for each in told if each.found is not None), key=lambda each: each.place)
    return {each.name: each for each in shown}


def _section(name: str, facts: "Facts") -> Section:
    module = importlib.import_module(f"{__name__}.{name}")
    return Section(name, module.TITLE, module.PLACE, module.of(facts))
