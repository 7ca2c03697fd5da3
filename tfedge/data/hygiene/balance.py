"""Says where always giving one answer has a high accuracy."""

from tfedge.data import class_weights, metrics
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding

_UNEVEN = 0.8  # share of one class from which plain accuracy says little


def _look(data: Examined) -> Finding:
    if "train" not in data.splits or metrics.resolve(data.task).name != "accuracy":
        return Finding()
    found = class_weights.imbalance(data.task)
    if found is None or found[1] < _UNEVEN:
        return Finding()
    (number, share), labels = found, data.task.labels
    label = labels[number] if number < len(labels) else number
    warning = (
        f"{data.where('train')}: {share:.0%} of the labels are {label}, so always saying it has"
        " an accuracy as high: judge by the metric macro_f1 or auc (in --data: ?metric=macro_f1)"
    )
    return Finding((warning,))


CHECK = Check(40, _look)
