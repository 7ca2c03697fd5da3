"""A scorecard and its verdict as tables on the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import logging

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate import Verdict


def show(scorecard: "Scorecard", verdict: "Verdict") -> None:
    """Print the figures and the checks; with --verbose all figures."""
    from rich import table
    from tfedge_pipelines import screen

    more = "" if logging.level_debug() else "--verbose and report.html have more"
    title = f"on {scorecard.profile.name}"
    figures = table.Table("figure", "value", title=title, caption=more)
    for name, value in (*_figures(scorecard), *(() if more else _details(scorecard))):
        figures.add_row(name, value)
    checks = table.Table("check", "outcome", "reason", title=verdict.outcome)
    for check in verdict.checks:
        heading = check.heading or check.name.replace("_", " ")
        checks.add_row(heading, check.outcome, check.reason)
    screen.make().print(figures, checks, markup=False)


def _figures(scorecard: "Scorecard") -> Iterator[tuple[str, str]]:
    """What is asked first."""
    for metric in (*((scorecard.metric,) if scorecard.metric else ()), *scorecard.more_metrics):
        name = metric.name.replace("_", " ").replace(":", " of ")
        before = "" if metric.baseline is None else f", baseline {metric.baseline:.4f}"
        yield name, f"{metric.value:.4f}{before}, on {metric.n:,} held-out examples"
    yield "file", f"{scorecard.file_bytes:,} bytes"
    if scorecard.baseline_file_bytes:
        yield "baseline's file", f"{scorecard.baseline_file_bytes:,} bytes"
    yield "download (deflate)", f"{scorecard.download_bytes:,} bytes"
    if scorecard.phone_estimate:
        estimate = scorecard.phone_estimate
        told = f"{estimate.value:.3g} ms ({estimate.low:.3g} to {estimate.high:.3g}), an estimate"
        told += f", extrapolated from {estimate.device}" if estimate.extrapolated else ""
        yield f"latency on {scorecard.profile.name}", told
    if scorecard.memory:
        free = scorecard.memory.app_free_bytes_estimate
        yield "an app must have free", f"{free:,} bytes, an estimate"
    for note in scorecard.compatibility.speed if scorecard.compatibility else ():
        yield "speed", note
    for lacking in scorecard.incompatible:
        yield "not on the phone", str(lacking)
    if scorecard.failure:
        yield "failure", f"{scorecard.failure.kind}: {scorecard.failure.detail}"


def _details(scorecard: "Scorecard") -> Iterator[tuple[str, str]]:
    """What few ask for."""
    if scorecard.host:
        host = scorecard.host
        yield (
            "time here",
            f"median {host.p50:.3g}, 90 % below {host.p90:.3g}, 99 % {host.p99:.3g} ms",
        )
        yield (
            "load, first run here",
            f"{host.load:.3g}, {host.first:.3g} ms, {host.threads} threads",
        )
    if scorecard.energy:
        energy = scorecard.energy
        told = f"{energy.value:.3g} mJ ({energy.low:.3g} to {energy.high:.3g}), an estimate"
        yield "energy of an inference", told
    for each in scorecard.compatibility.delegates if scorecard.compatibility else ():
        parts = f"{each.parts} part" + ("" if each.parts == 1 else "s")
        yield f"{each.delegate}, by its rules", f"{each.fraction:.0%} of the operators, {parts}"
    if scorecard.peak_memory_bytes is not None:
        yield "peak memory here", f"{scorecard.peak_memory_bytes:,} bytes"
    if scorecard.delegated_fraction is not None:
        yield "taken by XNNPACK here", f"{scorecard.delegated_fraction:.0%} of the operators"
    yield "operators", ", ".join(f"{n} {kind}" for kind, n in scorecard.operators.items())
    for name, reason in scorecard.unenforced_limits.items():
        yield "not enforced here", f"{name}: {reason}"
