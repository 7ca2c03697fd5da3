"""Whether targets are in range, and of every class in every split."""

from tfedge.data import task_targets
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding


def _look(data: Examined) -> Finding:
    return Finding(
        tuple(
            warning
            for role, split in data.splits.items()
            for warning in task_targets.check(data.task, role, split.targets())
        )
    )


CHECK = Check(30, _look)
