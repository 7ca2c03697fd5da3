"""The share of right answers; of labels, steps or pixels each by itself. Higher is better."""

import dataclasses
import functools

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """Examples are right or wrong where each has one class."""
    found = Metric.share("accuracy", functools.partial(scores.right, kind=kind, logits=logits))
    return found if kind.one_class else dataclasses.replace(found, correct=None)
