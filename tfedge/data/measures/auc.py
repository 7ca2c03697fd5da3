"""The area under the ROC curve. Higher is better."""

import functools

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """See `scores.auc`."""
    return Metric("auc", True, functools.partial(scores.auc, kind=kind, logits=logits))
