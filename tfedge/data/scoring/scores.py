"""The numbers behind the metrics, each a function of one output and its targets.

Outputs are float arrays, probabilities or logits: (n, classes), (n, 1) or (n,) for binary,
(n, places..., classes) for segmentation, of two classes also (n, places..., 1), the targets' shape
for multilabel and regression.
"""

from collections.abc import Iterator

import numpy as np

from tfedge.data import answers, classes, spreads
from tfedge.data.kind import Kind


def right(outputs: np.ndarray, y: np.ndarray, kind: Kind, logits: bool) -> np.ndarray:
    """(n,) share of the decisions about each example that are right: 0 or 1 for single decisions.

    A multilabel example has one decision per label, a segmentation one per pixel or step.
    """
    hits = (_decided(outputs, kind, logits) == y) & (y >= 0)
    return hits.reshape(len(hits), -1).sum(axis=1) / np.maximum(counted(y), 1)


def counted(y: np.ndarray) -> np.ndarray:
    """(n,) how many decisions about each example count: targets of -1 are none."""
    return np.count_nonzero(y.reshape(len(y), -1) >= 0, axis=1)


def weighted_accuracy(
    outputs: np.ndarray, y: np.ndarray, kind: Kind, logits: bool, weights: np.ndarray
) -> float:
    """The share of right decisions, each counted by the weight of its class.

    Args:
        outputs: as above.
        y: their targets.
        kind: of the targets.
        logits: whether outputs are before their sigmoid or softmax.
        weights: (classes,); of multilabel targets those of each label's positives.
    """
    hits = _decided(outputs, kind, logits) == y
    counts = _classes(kind).of_decisions(y, weights)
    return float((hits * counts).sum() / counts.sum())


def in_top5(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) 1 where the right class is among the five highest; of equal ones the lower index wins.

    So outputs that are all the same are not right by being tied.
    """
    own = np.take_along_axis(outputs, y[:, np.newaxis], axis=1)
    before = np.arange(outputs.shape[1]) < y[:, np.newaxis]
    rank = ((outputs > own) | ((outputs == own) & before)).sum(axis=1)
    return ((rank < 5) & ~np.isnan(outputs).any(axis=1)).astype(float)


def absolute_error(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) mean absolute error of each example."""
    return np.abs(outputs.reshape(y.shape) - y).reshape(len(y), -1).mean(axis=1)


def relative_absolute_error(outputs: np.ndarray, y: np.ndarray) -> float:
    """The mean absolute error, of each column in units of its targets' spread."""
    spread = spreads.by_column(y)
    unit = np.where(spread > 0, spread, 1.0)
    return float(np.mean(absolute_error(outputs.reshape(y.shape) / unit, y / unit)))


def root_mean_squared_error(outputs: np.ndarray, y: np.ndarray) -> float:
    """Over all examples and their values; large errors weigh more than in the mean of errors."""
    return float(np.sqrt(np.mean(np.square(outputs.reshape(y.shape) - y))))


def macro_f1(outputs: np.ndarray, y: np.ndarray, kind: Kind, logits: bool) -> float:
    """The mean over the classes (labels) of F1 = 2 hits / (predicted + present).

    Classes that are neither predicted nor present do not count.
    """
    hits, predicted, present = _classes(kind).counts(_decided(outputs, kind, logits), y)
    seen = predicted + present > 0
    return float(np.mean(2 * hits[seen] / (predicted + present)[seen]))


def uniform_macro_f1(y: np.ndarray, kind: Kind) -> float:
    """The macro F1 expected of guessing every class (label) equally often, whatever the input."""
    return float(np.mean(_classes(kind).uniform_f1(y)))


def auc(outputs: np.ndarray, y: np.ndarray, kind: Kind, logits: bool) -> float:
    """Area under the ROC curve, from ranks; ties count half (Hanley and McNeil, 1982).

    The mean over the classes, each against the rest, and over the labels of multilabel targets.
    NaN where a class has no example or every example, or an output is NaN.
    """
    if logits and kind.answers_of(answers.width(outputs)) is answers.Answers.ONE_OF_MANY:
        outputs = answers.softmax(outputs)  # a class is compared across examples
    return float(np.mean([_rank_auc(*each) for each in _columns(outputs, y, kind)]))


def separation(outputs: np.ndarray, y: np.ndarray, kind: Kind) -> float:
    """The largest AUC of a class or label that outputs tell from the rest beyond chance; else 0.5.

    Beyond chance are four standard errors of the rank sum of outputs that know nothing.
    """
    found = [0.5]
    for scores, positive in _columns(outputs, y, kind):
        area = _rank_auc(scores, positive)
        pairs = int(positive.sum()) * int((~positive).sum())
        if area > 0.5 + 4 * np.sqrt((len(positive) + 1) / (12 * max(pairs, 1))):
            found.append(area)
    return float(max(found))


def _decided(outputs: np.ndarray, kind: Kind, logits: bool) -> np.ndarray:
    assert kind.decide is not None  # no kind without decisions has a metric of them
    return kind.decide(outputs, logits)


def _classes(kind: Kind) -> classes.Classes:
    assert kind.classes is not None  # no kind without classes has a metric of them
    return kind.classes


def _columns(
    outputs: np.ndarray, y: np.ndarray, kind: Kind
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each class or label the scores, and which of them should be high."""
    scores, positive = _classes(kind).columns(outputs, y)
    return zip(scores.T, positive.T, strict=True)


def _rank_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives or np.isnan(scores).any():
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[inverse][positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))
