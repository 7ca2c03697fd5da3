"""The data that checks look at: splits, and what one pass over the inputs of each has seen."""

import functools
from collections.abc import Sequence

from tfedge import progress
from tfedge.data.batch_split import BatchSplit
from tfedge.data.scanning import inputs
from tfedge.data.splits import Split
from tfedge.data.task import Task


class Examined:
    """Some splits of a task.

    Args:
        task: with or without its held-out split.
        roles: the splits to look at, those of them there are.
        is_patient: whether a check may read large data once more.
    """

    def __init__(self, task: Task, roles: Sequence[str], is_patient: bool = False):
        self.task, self.is_patient = task, is_patient
        self.splits = {role: split for role, split in task.splits().items() if role in roles}

    def where(self, role: str) -> str:
        """What a message calls a split."""
        return f"task {self.task.name}, {role}"

    def has_fixed_order(self, role: str) -> bool:
        """Whether examples of a split can be read by index."""
        split: Split = self.splits[role]
        return not (isinstance(split, BatchSplit) and split.own_order)

    @functools.cached_property
    def scans(self) -> dict[str, inputs.Scan]:
        """By role; reads every example once, the first time.

        Raises:
            BadInput: see `inputs.scan`.
        """
        found = {}
        for role, split in self.splits.items():
            with progress.phase(f"reading the {len(split)} examples of {role}"):
                found[role] = inputs.scan(split, self.where(role))
        return found
