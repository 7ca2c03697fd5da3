"""Says where the metric sees only those of several numbers that are in large units."""

import numpy as np

from tfedge.data import metrics, spreads
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding
from tfedge.data.metric import Metric


def _look(data: Examined) -> Finding:
    if "train" not in data.splits:
        return Finding()
    judged = metrics.judged(data.task)
    return Finding(
        tuple(
            _warning(f"{data.where('train')}{name and f', {name}'}", each, metric)
            for name, each in spreads.uneven(data.task).items()
            for metric in judged
            if metric.in_units and (not metric.outputs or name in metric.outputs)
        )
    )


def _warning(where: str, spread: np.ndarray, metric: Metric) -> str:
    most, least = np.argmax(spread), np.argmin(spread)
    return (
        f"{where}: targets of column {most} spread {spread[most] / spread[least]:,.0f} times as far"
        f" as those of column {least}, so {metric.name} hardly sees the small ones: judge by the"
        " metric relative_absolute_error (in --data: ?metric=relative_absolute_error), or give each"
        " unit an output of its own"
    )


CHECK = Check(41, _look)
