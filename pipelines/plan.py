"""A plan as a table and lines on the terminal; `--dry_run` prints it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from tfedge.device.phone_latency import PhoneEstimate
    from tfedge.device.prediction.predict import Estimate
    from tfedge.dry_run import Plan


_UNFORESEEN = (
    "how many held-out examples are enough depends on how the metric varies between them, which "
    "a run shows"
)


def define(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Defines --dry_run."""
    return flags.DEFINE_boolean(
        "dry_run",
        False,
        "Print what would be done and what to expect of it (what each pass reaches, size, time, "
        "latency, what the held-out examples can show), train nothing and write nothing.",
        flag_values=flag_values,
    )


def show(plan: "Plan") -> None:
    """Print it."""
    from rich import table
    from tfedge_pipelines import screen

    rows = table.Table("pass", "weights it reaches", "left alone", "time here")
    for name, reach, seconds in plan.passes:
        share, left = "those of another network", ""
        if reach is not None:
            share, left = f"{reach.share:.0%}", "\n".join(map(str, reach.left))
        rows.add_row(name, share, left, f"about {_time(seconds)}")
    out = screen.make()
    if plan.passes:
        out.print(rows, markup=False)
    for line in _lines(plan):
        out.print(line, markup=False, highlight=False)


def _lines(plan: "Plan") -> Iterator[str]:
    file, before = plan.file, plan.baseline
    yield (
        f"file: about {file.file_bytes:,} bytes as {plan.export} (float32 {before.file_bytes:,}), "
        f"download about {file.download_bytes:,} (float32 {before.download_bytes:,}); "
        "by weights that are not trained"
    )
    if plan.reason:
        yield f"{plan.export} because {plan.reason}"
    if plan.runtime is not None:
        yield f"it needs runtime {plan.runtime} or a newer one"
    yield f"time: about {_time(plan.seconds)} here for passes and export, by a few steps of each"
    if plan.own_phone is not None:
        yield f"latency on your {plan.own_phone.device}: {_latency(plan.own_phone)}"
        yield from plan.own_phone.notes
    if plan.phone is not None:
        yield f"latency on {plan.phone}: {_latency(plan.latency)}"
        yield f"the gate: {_UNFORESEEN if plan.power is None else plan.power.words}"
    yield from plan.obstacles
    if plan.kept is not None:
        yield f"the run itself would train nothing: {plan.kept} holds this model, judged again"
    yield "nothing was trained and nothing was written"


def _latency(found: "PhoneEstimate | Estimate | None") -> str:
    if found is None:
        return "cannot be predicted"
    return f"about {found.value:.3g} ms ({found.low:.3g} to {found.high:.3g}), an estimate"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
