"""Whether the task's metric is one, and fits: a typing error shows before the data is read."""

from tfedge.data import metrics
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding


def _look(data: Examined) -> Finding:
    metrics.resolve(data.task)
    return Finding()


CHECK = Check(20, _look)
