"""In the units of the targets. Lower is better."""

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """The mean over the examples of their mean errors."""
    return Metric.mean("mean_absolute_error", False, scores.absolute_error, in_units=True)
