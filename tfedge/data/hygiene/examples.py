"""Whether there are examples at all."""

from tfedge import errors
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding


def _look(data: Examined) -> Finding:
    for role, split in data.splits.items():
        if not len(split):
            raise errors.BadInput(data.where(role), "it has no examples", "Add some.")
    return Finding()


CHECK = Check(10, _look)
