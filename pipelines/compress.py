"""Compresses a model and exports it, without evaluation or gate.

    python pipelines/compress.py --model=FILE --data=SOURCE --recipe='prune, cluster, quantize'
        --export=int8 --output_dir=DIR

DIR gets model.tflite, recipe.json (repeats this run), reports.json (what each pass did, and what
it skipped and why), with --keras also model.keras for Keras 3.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
from typing import Any

from absl import flags
from tfedge_pipelines import entry, order_flags, plan, training_flags

_FLAGS = flags.FlagValues()
_INPUT = order_flags.input_flags(_FLAGS)
_KERAS = flags.DEFINE_bool(
    "keras", False, "Also write the compressed model as a Keras 3 file.", flag_values=_FLAGS
)
_TRAINING = training_flags.define(_FLAGS)
_DRY_RUN = plan.define(_FLAGS)


def run() -> None:
    """The `tfedge-compress` command."""
    entry.run(main, _FLAGS, __doc__, in_child=True, extra="compress")


def main() -> int:
    """Compress as the flags say; the exit code."""
    from tfedge import dry_run
    from tfedge.making.order import Order
    from tfedge.workflow import compressing

    order = Order(**order_flags.order(_INPUT))
    if _DRY_RUN.value:
        plan.show(dry_run.compress(order))
        return entry.OK
    folder = _INPUT.output_dir("compressed")
    with _TRAINING.used():
        made = compressing.compress(order, folder, _KERAS.value)
    _show(made, folder)
    return entry.OK


def _show(made: Any, folder: str) -> None:
    """What each pass did, as a table."""
    from rich import table
    from tfedge_pipelines import screen

    from tfedge.release.report import pass_costs

    rows = table.Table("pass", "layers", "skipped", "validation", "seconds")
    for report in made.reports:
        rows.add_row(
            report.settings,
            str(len(report.touched)),
            str(len(report.skipped)),
            pass_costs.words(report.validation),
            f"{report.seconds:.1f}{' (taken over)' if report.taken_over else ''}",
        )
    out = screen.make()
    out.print(rows)
    out.print(f"{len(made.tflite):,} bytes (float32: {len(made.baseline):,}) in {folder}")


if __name__ == "__main__":
    run()
