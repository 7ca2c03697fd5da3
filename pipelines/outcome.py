"""A scorecard and its verdict as tables on the terminal."""

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import logging
from tfedge_pipelines import entry

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate.verdict import Verdict


def show(scorecard: "Scorecard", verdict: "Verdict") -> None:
    """Print the figures and the checks; with --verbose all figures."""
    from rich import table
    from tfedge_pipelines import screen

    more = "" if logging.level_debug() else "--verbose and report.html have more"
    title = f"on {scorecard.profile.name}"
    figures = table.Table("figure", "value", title=title, caption=more)
    for name, value in (*scorecard.figures(), *(() if more else _details(scorecard))):
        figures.add_row(name, value)
    checks = table.Table("check", "outcome", "reason", title=verdict.outcome)
    for check in verdict.checks:
        checks.add_row(check.spoken_name, check.outcome, check.reason)
    screen.make().print(figures, checks, markup=False)


def tell_end(verdict: "Verdict", folder: pathlib.Path) -> None:
    """The last two lines: the verdict, and where it is told in full."""
    from tfedge.release.gate.check import PASS

    more = "" if verdict.outcome == PASS else "; its report.html has what is known to help"
    entry.tell(f"{verdict.sentence}\nin {folder}{more}")


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
