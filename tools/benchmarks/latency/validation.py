"""How well latencies are predicted that a fit has not seen: by point, by network, by design."""

from collections.abc import Callable

import numpy as np
from tfedge_tools.benchmarks.latency import fitting
from tfedge_tools.benchmarks.latency.misses import Miss, coverage
from tfedge_tools.benchmarks.latency.published import Row

_STEPS = 12  # of a fit that begins where the fit on all rows ended


def leave_out(
    rows: list[Row], start: fitting.Fit, group: Callable[[Row], str], steps: int = _STEPS
) -> list[Miss]:
    """Every row predicted from the rows of other groups, in the order of `rows`."""
    found: dict[int, Miss] = {}
    for name in dict.fromkeys(group(row) for row in rows):
        kept = [row for row in rows if group(row) != name]
        fit = fitting.fit(kept, start.values, steps)
        for number, row in enumerate(rows):
            if group(row) == name:
                error = fit.log_ms(row) - np.log(row.latency_ms)
                found[number] = Miss(row, float(error), fit.deviation(row))
    return [found[number] for number in range(len(rows))]


def figures(misses: list[Miss]) -> dict[str, float]:
    """Median error, shares within 10 and 20 %, the largest, and coverage of the interval."""
    sizes = np.abs([m.share for m in misses])
    return {
        "median_error": round(float(np.median(sizes)), 4),
        "within_10_percent": round(float(np.mean(sizes <= 0.1)), 4),
        "within_20_percent": round(float(np.mean(sizes <= 0.2)), 4),
        "largest_error": round(float(sizes.max()), 4),
        "interval_coverage": round(coverage(misses), 4),
    }


def by_point(row: Row) -> str:
    """Each latency is a group of its own."""
    return str(row)


def by_network(row: Row) -> str:
    """All of a network's latencies: other devices, types and threads tell nothing of it."""
    return f"{row.model} {row.width} {row.resolution}"


def by_family(row: Row) -> str:
    """All latencies of one design."""
    return row.family
