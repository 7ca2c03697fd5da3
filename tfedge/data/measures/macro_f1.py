"""F1 of each class, then the mean: rare classes count as much as others. Higher is better."""

import functools

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """See `scores.macro_f1`."""
    return Metric("macro_f1", True, functools.partial(scores.macro_f1, kind=kind, logits=logits))
