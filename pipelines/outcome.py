"""A scorecard and its verdict as tables on the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate import Verdict


def show(scorecard: "Scorecard", verdict: "Verdict") -> None:
    """Print the figures and the checks."""
    from rich import table
    from tfedge_pipelines import screen

    figures = table.Table("figure", "value", title=f"on {scorecard.profile.name}")
    for name, value in _figures(scorecard):
        figures.add_row(name, value)
    checks = table.Table("check", "outcome", "reason", title=verdict.outcome)
    for check in verdict.checks:
        checks.add_row(check.name, check.outcome, check.reason)
    screen.make().print(figures, checks, markup=False)


def _figures(scorecard: "Scorecard") -> Iterator[tuple[str, str]]:
    if scorecard.metric:
        metric = scorecard.metric
        before = "" if metric.baseline is None else f", baseline {metric.baseline:.4f}"
        yield metric.name, f"{metric.value:.4f}{before}, on {metric.n:,} held-out examples"
    yield "file", f"{scorecard.file_bytes:,} bytes"
    if scorecard.baseline_file_bytes:
        yield "baseline's file", f"{scorecard.baseline_file_bytes:,} bytes"
    yield "download (deflate)", f"{scorecard.download_bytes:,} bytes"
    if scorecard.host:
        host = scorecard.host
        yield "host latency", f"p50 {host.p50:.3g}, p90 {host.p90:.3g}, p99 {host.p99:.3g} ms"
        yield "load, first run", f"{host.load:.3g}, {host.first:.3g} ms, {host.threads} threads"
    yield from _predicted(scorecard)
    if scorecard.peak_memory_bytes is not None:
        yield "peak memory", f"{scorecard.peak_memory_bytes:,} bytes"
    if scorecard.delegated_fraction is not None:
        yield "delegated", f"{scorecard.delegated_fraction:.0%} of the operators"
    yield "operators", ", ".join(f"{n} {kind}" for kind, n in scorecard.operators.items())
    for lacking in scorecard.incompatible:
        yield "not on the phone", str(lacking)
    if scorecard.failure:
        yield "failure", f"{scorecard.failure.kind}: {scorecard.failure.detail}"
    for name, reason in scorecard.unenforced_limits.items():
        yield "not enforced", f"{name}: {reason}"


def _predicted(scorecard: "Scorecard") -> Iterator[tuple[str, str]]:
    """What no phone has measured."""
    if scorecard.phone_estimate:
        estimate = scorecard.phone_estimate
        told = f"{estimate.value:.3g} ms ({estimate.low:.3g} to {estimate.high:.3g}), an estimate"
        told += f", extrapolated from {estimate.device}" if estimate.extrapolated else ""
        yield f"latency on {scorecard.profile.name}", told
    if scorecard.energy:
        energy = scorecard.energy
        told = f"{energy.value:.3g} mJ ({energy.low:.3g} to {energy.high:.3g}), an estimate"
        yield "energy of an inference", told
    if scorecard.memory:
        free = scorecard.memory.app_free_bytes_estimate
        yield "an app must have free", f"{free:,} bytes, an estimate"
    if scorecard.compatibility:
        for each in scorecard.compatibility.delegates:
            parts = f"{each.parts} part" + ("" if each.parts == 1 else "s")
            yield f"{each.delegate}, by rules", f"{each.fraction:.0%} of the operators, {parts}"
        for note in scorecard.compatibility.speed:
            yield "speed", note
