"""The fit on the latencies of neural accelerators, printed: residuals, what is left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich import table
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.latency import misses as misses_lib
from tfedge_tools.benchmarks.latency import tables
from tfedge_tools.benchmarks.latency.accelerators import fitting, published, validation
from tfedge_tools.benchmarks.latency.misses import Miss

from tfedge.device.prediction.accelerators import fitted


def run(keep: bool) -> dict[str, Any]:
    """Fits, prints and returns the figures.

    Args:
        keep: write the fit into the package.
    """
    rows = published.rows()
    fit = fitting.fit(rows)
    residuals = [validation.miss(row, fit) for row in rows]
    networks = validation.leave_out(rows, fit, validation.by_network)
    families = validation.leave_out(rows, fit, validation.by_family)
    figures = {
        "fitted": validation.figures(residuals),
        "one_network_left_out": validation.figures(networks),
        "one_design_left_out": validation.figures(families),
    }
    kept = _kept(fit, rows, families)
    out = wide_console.make()
    out.print(_networks_table(residuals, networks, families))
    out.print(_families_table(families), tables.figures_table(figures))
    for name, why in published.LEFT_OUT.items():
        out.print(f"left out: {name}: {why}")
    if keep:
        fitted.write(kept, figures)
    kinds = {"fitted": residuals, "without_network": networks, "without_design": families}
    return {"figures": figures, "residuals": tables.listed(kinds)}


def _kept(
    fit: fitting.Fit, rows: Sequence[published.Row], families: Sequence[Miss]
) -> fitted.Fitted:
    noise, widening = misses_lib.spread(families)
    kinds = dict.fromkeys((row.device, row.type) for row in rows)
    rates = {(d, kind): fit.rates(d, kind == fitted.INT8) for d, kind in kinds}
    return fitted.Fitted(rates, noise, widening)


def _networks_table(*kinds: Sequence[Miss]) -> table.Table:
    shown = table.Table("network", "type", "weights", "as published", "rows", title="medians")
    for name in ("fitted", "without it", "without its design"):
        shown.add_column(name, justify="right")
    rows = [m.row for m in kinds[0]]
    for network, kind in dict.fromkeys((r.network, r.type) for r in rows):
        at = [n for n, r in enumerate(rows) if (r.network, r.type) == (network, kind)]
        weights = published.drawn(network, kind == fitted.INT8).parameters
        shown.add_row(
            *(network, kind, f"{weights / 1e6:.3g}M", rows[at[0]].parameters, str(len(at))),
            *(f"{100 * np.median([misses[n].share for n in at]):+.0f} %" for misses in kinds),
        )
    return shown


def _families_table(families: Sequence[Miss]) -> table.Table:
    shown = table.Table("left out together", "rows", "median", "within 50 %", "in the interval")
    for family in dict.fromkeys(m.row.family for m in families):
        own = [m for m in families if m.row.family == family]
        inside = misses_lib.inside(families, family)
        sizes = np.abs([m.share for m in own])
        cells = (np.median(sizes), np.mean(sizes <= 0.5), np.mean(inside))
        shown.add_row(family, str(len(own)), *(f"{100 * cell:.0f} %" for cell in cells))
    return shown
