"""The accepted loss of each metric: one number for all, or one for each that is named."""

from collections.abc import Mapping

from tfedge.release.gate import by_metric

DEFAULT = 0.01  # of metrics that a mapping does not name
FLAG = by_metric.Flag(
    "--margin", "margin", "For example 0.01, or 0.01,mean_absolute_error:box=0.05."
)
Margin = float | by_metric.Numbers


def parse(text: str) -> Margin:
    """Of "0.01", or of "0.01,auc:b=0.05", whose first number is for all that are not named.

    Raises:
        BadInput: see `by_metric.Flag.parse`.
    """
    found = FLAG.parse(text)
    return found[""] if list(found) == [""] else found


def write(margin: Margin) -> str:
    """The text that is read as this."""
    found = FLAG.mapping(margin)
    return ",".join(f"{name}={each:g}" if name else f"{each:g}" for name, each in found.items())


def of(margin: Margin, metric: str) -> float:
    """That of a metric, by its name."""
    if not isinstance(margin, Mapping):
        return margin
    return margin.get(metric, margin.get("", DEFAULT))
