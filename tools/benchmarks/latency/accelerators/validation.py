"""How well latencies are predicted of networks, and of whole designs, that a fit has not seen."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from tfedge_tools.benchmarks.latency.accelerators import fitting
from tfedge_tools.benchmarks.latency.accelerators.published import Row
from tfedge_tools.benchmarks.latency.misses import Miss, coverage

_STEPS = 12  # of a fit that begins where the fit on all rows ended
_APART = 1.5  # latencies whose order has to be right


def by_network(row: Row) -> str:
    """All of a network's latencies: other devices and types tell nothing of it."""
    return row.network


def by_family(row: Row) -> str:
    """All latencies of one design."""
    return row.family


def leave_out(rows: Sequence[Row], start: fitting.Fit, group: Callable[[Row], str]) -> list[Miss]:
    """Every row predicted from the rows of other groups, in the order of `rows`."""
    found: dict[Row, Miss] = {}
    for name in dict.fromkeys(map(group, rows)):
        fit = fitting.fit([r for r in rows if group(r) != name], start.values, _STEPS)
        found |= {row: miss(row, fit) for row in rows if group(row) == name}
    return [found[row] for row in rows]


def miss(row: Row, fit: fitting.Fit) -> Miss:
    """What a fit makes of a row."""
    return Miss(row, fit.log_ms(row) - float(np.log(row.latency_ms)), fit.uncertainty(row))


def ranked(misses: Sequence[Miss]) -> dict[str, float]:
    """Device and type -> share of pairs of networks 50 % apart that are predicted in order."""
    found: dict[str, list[bool]] = {}
    for one, other in itertools.combinations(misses, 2):
        same = (one.row.device, one.row.type) == (other.row.device, other.row.type)
        truly = float(np.log(other.row.latency_ms / one.row.latency_ms))
        if same and abs(truly) >= np.log(_APART):
            predicted = truly + other.error - one.error
            key = f"{one.row.device} {one.row.type}"
            found.setdefault(key, []).append(truly * predicted > 0)
    return {key: float(np.mean(right)) for key, right in found.items()}


def figures(misses: Sequence[Miss]) -> dict[str, float]:
    """Median error, shares within 20, 30 and 50 %, the largest, coverage, the worst ranking."""
    sizes = np.abs([m.share for m in misses])
    return {
        "median_error": round(float(np.median(sizes)), 4),
        **{
            f"within_{percent}_percent": round(float(np.mean(sizes <= percent / 100)), 4)
            for percent in (20, 30, 50)
        },
        "largest_error": round(float(sizes.max()), 4),
        "interval_coverage": round(coverage(misses), 4),
        "worst_ranking": round(min(ranked(misses).values()), 4),
    }
