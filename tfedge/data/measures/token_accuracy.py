"""The share of right answers among all steps that count, long sequences more. Higher is better."""

import functools

import numpy as np

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import draws, scores


def of(kind: Kind, logits: bool) -> Metric:
    """Whole sequences are drawn for its interval: steps of one are no examples of their own."""
    prepare = functools.partial(_prepare, kind, logits)
    return Metric("token_accuracy", True, functools.partial(_value, prepare), prepare=prepare)


def _prepare(kind: Kind, logits: bool, outputs: np.ndarray, y: np.ndarray) -> draws.Mean:
    return draws.Mean(scores.right(outputs, y, kind, logits), scores.counted(y))


def _value(prepare: functools.partial, outputs: np.ndarray, y: np.ndarray) -> float:
    return prepare(outputs, y).value()
