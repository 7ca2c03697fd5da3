"""What the source said of the data when it read them: files left out, colours converted."""

from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding


def _look(data: Examined) -> Finding:
    return Finding(data.task.notes)


CHECK = Check(25, _look)
