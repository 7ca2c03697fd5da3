"""Intersection over union of each class at all places, then the mean. Higher is better."""

import functools

import numpy as np

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import overlaps


def of(kind: Kind, logits: bool) -> Metric:
    """Classes that are neither there nor answered do not count; see `overlaps`."""
    prepare = functools.partial(overlaps.of_outputs, kind=kind, logits=logits)
    return Metric("mean_iou", True, functools.partial(_value, prepare), prepare=prepare)


def _value(prepare: functools.partial, outputs: np.ndarray, y: np.ndarray) -> float:
    return prepare(outputs, y).value()
