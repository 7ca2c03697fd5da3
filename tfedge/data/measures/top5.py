"""The share of examples whose class is among the five highest. Higher is better."""

from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores


def of(kind: Kind, logits: bool) -> Metric:
    """Whatever the outputs are before."""
    return Metric.share("top5", scores.in_top5)
