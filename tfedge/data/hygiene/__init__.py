"""Looks at data before anything is trained on it: refuses what would poison or flatter a result.

One check, one file, found by its name.
"""

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Mapping, Sequence

import numpy as np

from tfedge import progress
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding
from tfedge.data.matching.fit import check_fits
from tfedge.data.task import Task

__all__ = ["ROLES", "Findings", "check", "check_fits", "checks", "examine", "look_closely"]

ROLES = ("train", "calibration", "validation", "holdout")


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """What the checks saw in data they did not refuse, by the checks' names, in their order."""

    of_checks: Mapping[str, Finding] = dataclasses.field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line each."""
        return tuple(line for found in self.of_checks.values() for line in found.warnings)

    @property
    def near_duplicates(self) -> np.ndarray:
        """Sorted held-out indices; the result on held-out data is to be given without them too."""
        found = [np.empty(0, np.int64), *(each.without for each in self.of_checks.values())]
        return functools.reduce(np.union1d, found)


def checks() -> dict[str, Check]:
    """Every check there is by its name, in the order of their places."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = {name: importlib.import_module(f"{__name__}.{name}").CHECK for name in names}
    return dict(sorted(found.items(), key=lambda each: each[1].place))


def check(task: Task, roles: Sequence[str] = ROLES) -> tuple[str, ...]:
    """`examine`, for its warnings alone."""
    return examine(task, roles).warnings


def examine(task: Task, roles: Sequence[str] = ROLES) -> Findings:
    """Reads every example of a task once and refuses what cannot be worked with.

    Args:
        task: with or without its held-out split.
        roles: the splits to look at, those of them there are; ("holdout",) reads nothing else,
            and compares nothing.

    Raises:
        BadInput: naming the split, the first index, the counts and what to do.
    """
    data = Examined(task, roles)
    with progress.phase("checking the data"):
        return Findings({n: each.look(data) for n, each in checks().items() if not each.takes_time})


def look_closely(task: Task, roles: Sequence[str], is_patient: bool = False) -> Findings:
    """The checks that take time, which `examine` leaves out.

    Args:
        task: already examined, with a held-out split.
        roles: the splits to look at.
        is_patient: whether large data may be read once more.
    """
    data = Examined(task, roles, is_patient)
    with progress.phase("looking closely at the data"):
        return Findings({n: each.look(data) for n, each in checks().items() if each.takes_time})
