"""Of each column as a share of how far its targets spread: units do not matter. Lower is better."""

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """The mean over the columns of their mean absolute errors, each divided by its spread."""
    return Metric("relative_absolute_error", False, scores.relative_absolute_error)
