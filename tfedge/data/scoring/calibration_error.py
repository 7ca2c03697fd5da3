"""Does a model know how sure it is? The expected calibration error of its probabilities.

Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
"""

import numpy as np

from tfedge.data import answers

BINS = 15


def expected(outputs: np.ndarray, targets: np.ndarray, logits: bool = False) -> float | None:
    """Mean distance between confidence and accuracy, over bins of equal width.

    Args:
        outputs: (n, classes) probabilities, or logits.
        targets: (n,) integers.
        logits: whether outputs are before their softmax.

    Returns:
        0 (a confidence of 80 % is right four times in five) to 1; None for other shapes, and
        where an output is no number.
    """
    if outputs.ndim != 2 or outputs.shape[1] < 2 or targets.shape != (len(outputs),):
        return None
    if not np.isfinite(outputs).all():
        return None
    values = answers.softmax(outputs) if logits else outputs
    confidence = values.max(axis=1)
    right = values.argmax(axis=1) == targets
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    sure, correct = (np.bincount(bins, weights, BINS) for weights in (confidence, right))
    return float(np.abs(sure - correct).sum() / len(outputs))


def of_yes_or_no(outputs: np.ndarray, targets: np.ndarray, logits: bool = False) -> float | None:
    """The same where one output, (n,) or (n, 1), is the probability of target 1, or its logit."""
    if outputs.size != len(outputs):
        return expected(outputs, targets, logits)
    yes = outputs.reshape(-1).astype(np.float64)
    if logits:
        yes = answers.sigmoid(yes)
    return expected(np.stack([1 - yes, yes], axis=1), targets)
