"""The fit on the published table, printed: residuals, what is left out, parameters."""

import math
from typing import Any

from rich import table
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.latency import fitting, priors, published, tables, validation
from tfedge_tools.benchmarks.latency import misses as misses_lib

from tfedge.device.prediction import fitted

_DIGITS = 3


def run(rebuild: bool, keep: bool) -> dict[str, Any]:
    """Fits, prints and returns the figures.

    Args:
        rebuild: convert the networks of the table first, with TensorFlow.
        keep: write the fit into the package.
    """
    if rebuild:
        from tfedge_tools.benchmarks.latency import conversion

        conversion.rebuild()
    rows = published.rows()
    fit = fitting.fit(rows)
    points = validation.leave_out(rows, fit, validation.by_point)
    networks = validation.leave_out(rows, fit, validation.by_network)
    families = validation.leave_out(rows, fit, validation.by_family)
    noise, wide = misses_lib.spread(families)
    figures = {
        "fitted": validation.figures(_residuals(rows, fit)),
        "one_latency_left_out": validation.figures(points),
        "one_network_left_out": validation.figures(networks),
        "one_design_left_out": validation.figures(families),
    }
    out = wide_console.make()
    out.print(_rows_table(rows, fit, points, networks, families), _parameters_table(fit))
    out.print(tables.figures_table(figures))
    if keep:
        measured = frozenset((r.device.name, r.threads, r.integer) for r in rows)
        noise = math.hypot(noise, fitting.NOISE)
        kept = fitted.Fitted(fit.names, fit.values, fit.covariance, noise, wide, measured)
        fitted.write(kept, figures)
    kinds = {"without_it": points, "without_network": networks, "without_design": families}
    return {"figures": figures, "residuals": tables.listed(kinds)}


def _residuals(rows: list[published.Row], fit: fitting.Fit) -> list[misses_lib.Miss]:
    return [
        misses_lib.Miss(row, fit.log_ms(row) - math.log(row.latency_ms), fit.deviation(row))
        for row in rows
    ]


def _rows_table(
    rows: list[published.Row], fit: fitting.Fit, *left_out: list[misses_lib.Miss]
) -> table.Table:
    names = ("device", "threads", "network", "type", "published ms", "fitted ms")
    shown = table.Table(*names, "fitted", "without it", "without network", "without design")
    for row, residual, *misses in zip(rows, _residuals(rows, fit), *left_out, strict=True):
        predicted = math.exp(residual.error) * row.latency_ms
        shown.add_row(
            row.device.name,
            str(row.threads),
            f"{row.model} {row.width:g} {row.resolution}",
            row.dtype,
            f"{row.latency_ms:g}",
            f"{predicted:.3g}",
            *(f"{100 * miss.share:+.1f} %" for miss in (residual, *misses)),
        )
    return shown


def _parameters_table(fit: fitting.Fit) -> table.Table:
    """The shared ones; a device's own are in the file that --write keeps."""
    shown = table.Table("parameter", "before", "fitted", "uncertain by")
    for name, (mean, _) in priors.SHARED.items():
        at = fit.names.index(name)
        deviation = math.sqrt(fit.covariance[at, at])
        if name.startswith("threads"):
            cells = (f"{mean:.2f}", f"{fit.values[at]:.2f}", f"{deviation:.2f}")
        else:
            factors = (mean, fit.values[at], deviation)
            middle, fitted_to, spread = (f"{math.exp(value):.{_DIGITS}g}" for value in factors)
            cells = (middle, fitted_to, f"factor {spread}")
        shown.add_row(name, *cells)
    return shown
