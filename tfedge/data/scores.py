"""The numbers behind the metrics, each a function of one output and its targets.

Outputs are float arrays, probabilities or logits: (n, classes), (n, 1) or (n,) for binary,
(n, places..., classes) for segmentation, of two classes also (n, places..., 1), the targets' shape
for multilabel and regression.
"""

import numpy as np


def right(outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool) -> np.ndarray:
    """(n,) share of the decisions about each example that are right: 0 or 1 for single decisions.

    A multilabel example has one decision per label, a segmentation one per pixel or step.
    """
    hits = decide(outputs, kind, logits) == y
    return hits.reshape(len(hits), -1).mean(axis=1)


def weighted_accuracy(
    outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool, weights: np.ndarray
) -> float:
    """The share of right decisions, each counted by the weight of its class.

    Args:
        outputs: as above.
        y: their targets.
        kind: of the targets.
        logits: whether the threshold is 0.
        weights: (classes,); of multilabel targets those of each label's positives.
    """
    hits = decide(outputs, kind, logits) == y
    counts = np.where(y == 1, weights, 1.0) if kind == "multilabel" else weights[y]
    return float((hits * counts).sum() / counts.sum())


def decide(outputs: np.ndarray, kind: str, logits: bool) -> np.ndarray:
    """The class numbers, or 0/1 per label, that outputs stand for; -1 where an output is NaN."""
    if kind == "classification" or (kind != "multilabel" and _width(outputs) > 1):
        broken = np.isnan(outputs).any(axis=-1)
        return np.where(broken, -1, outputs.argmax(axis=-1))
    if kind == "binary":
        outputs = outputs.reshape(len(outputs))
    elif kind == "segmentation":
        outputs = outputs[..., 0]
    return np.where(np.isnan(outputs), -1, outputs > (0 if logits else 0.5))


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


def root_mean_squared_error(outputs: np.ndarray, y: np.ndarray) -> float:
    """Over all examples and their values; large errors weigh more than in the mean of errors."""
    return float(np.sqrt(np.mean(np.square(outputs.reshape(y.shape) - y))))


def macro_f1(outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool) -> float:
    """The mean over the classes (labels) of F1 = 2 hits / (predicted + present).

    Classes that are neither predicted nor present do not count.
    """
    chosen = decide(outputs, kind, logits)
    if kind == "multilabel":
        hits, predicted = ((chosen == 1) & (y == 1)).sum(axis=0), (chosen == 1).sum(axis=0)
        present = y.sum(axis=0)
    else:
        chosen, y = chosen.ravel(), y.ravel()
        size = int(max(chosen.max(), y.max())) + 1
        hits = np.bincount(y[chosen == y], minlength=size)
        predicted = np.bincount(chosen[chosen >= 0], minlength=size)
        present = np.bincount(y, minlength=size)
    seen = predicted + present > 0
    return float(np.mean(2 * hits[seen] / (predicted + present)[seen]))


def uniform_macro_f1(y: np.ndarray, kind: str) -> float:
    """The macro F1 expected of guessing every class (label) equally often, whatever the input."""
    if kind == "multilabel":
        return float(np.mean(2 * y.mean(axis=0) / (2 * y.mean(axis=0) + 1)))
    shares = np.bincount(y.ravel()) / y.size
    shares = shares[shares > 0]
    return float(np.mean(2 * shares / (shares * len(shares) + 1)))


def auc(outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool) -> float:
    """Area under the ROC curve, from ranks; ties count half (Hanley and McNeil, 1982).

    The mean over the classes, each against the rest, and over the labels of multilabel targets.
    NaN where a class has no example or every example, or an output is NaN.
    """
    if kind == "binary":
        scores = outputs[:, 1] if _width(outputs) == 2 else outputs.reshape(len(outputs))
        return _rank_auc(scores, y == 1)
    if kind == "multilabel":
        return float(np.mean([_rank_auc(outputs[:, k], y[:, k] == 1) for k in range(y.shape[1])]))
    if logits:
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs = outputs / outputs.sum(axis=1, keepdims=True)
    return float(np.mean([_rank_auc(outputs[:, k], y == k) for k in range(outputs.shape[1])]))


def separation(outputs: np.ndarray, y: np.ndarray, kind: str) -> float:
    """The largest AUC of a class or label that outputs tell from the rest beyond chance; else 0.5.

    Beyond chance are four standard errors of the rank sum of outputs that know nothing.
    """
    columns: np.ndarray
    wanted: np.ndarray
    if kind == "multilabel":
        columns, wanted = outputs.reshape(y.shape), y == 1
    elif kind == "binary" and _width(outputs) < 2:
        columns, wanted = outputs.reshape(-1, 1), y.reshape(-1, 1) == 1
    else:
        columns = outputs.reshape(-1, outputs.shape[-1])
        wanted = y.reshape(-1, 1) == (np.arange(columns.shape[1]) if columns.shape[1] > 1 else 1)
    found = [0.5]
    for scores, positive in zip(columns.T, wanted.T, strict=True):
        area = _rank_auc(scores, positive)
        pairs = int(positive.sum()) * int((~positive).sum())
        if area > 0.5 + 4 * np.sqrt((len(positive) + 1) / (12 * max(pairs, 1))):
            found.append(area)
    return float(max(found))


def _rank_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives or np.isnan(scores).any():
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[inverse][positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _width(outputs: np.ndarray) -> int:
    return outputs.shape[-1] if outputs.ndim > 1 else 1
