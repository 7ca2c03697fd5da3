"""In the units of the targets; large errors weigh more. Lower is better."""

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """Over all examples and their values."""
    value = scores.root_mean_squared_error
    return Metric("root_mean_squared_error", False, value, in_units=True)
