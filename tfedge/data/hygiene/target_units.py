"""Says where the metric sees only those of several numbers that are in large units."""

import numpy as np

from tfedge.data import metrics, spreads
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding

_IN_UNITS = ("mean_absolute_error", "root_mean_squared_error")


def _look(data: Examined) -> Finding:
    if "train" not in data.splits:
        return Finding()
    judged = {metric.name for metric in metrics.judged(data.task)}
    return Finding(
        tuple(
            _warning(f"{data.where('train')}{name and f', {name}'}", each, metric)
            for name, each in spreads.uneven(data.task).items()
            for metric in _IN_UNITS
            if {metric, f"{metric}:{name}"} & judged
        )
    )


def _warning(where: str, spread: np.ndarray, metric: str) -> str:
    most, least = np.argmax(spread), np.argmin(spread)
    return (
        f"{where}: targets of column {most} spread {spread[most] / spread[least]:,.0f} times as far"
        f" as those of column {least}, so {metric} hardly sees the small ones: judge by the metric"
        " relative_absolute_error (in --data: ?metric=relative_absolute_error), or give each unit"
        " an output of its own"
    )


CHECK = Check(41, _look)
