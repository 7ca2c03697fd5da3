"""The share of sequences that are right at every step that counts. Higher is better."""

import functools

import numpy as np

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """A language model answers each step knowing the true ones before, and greedily the same.

    Where all its steps are right, greedy decoding has given these very tokens; where one is wrong,
    it has not.
    """
    return Metric.share("exact_match", functools.partial(_right, kind, logits))


def _right(kind: Kind, logits: bool, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (scores.right(outputs, y, kind, logits) == 1).astype(float)
