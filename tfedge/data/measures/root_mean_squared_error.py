"""In the units of the targets; large errors weigh more. Lower is better."""

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """Over all examples and their values."""
    return Metric("root_mean_squared_error", False, scores.root_mean_squared_error)
