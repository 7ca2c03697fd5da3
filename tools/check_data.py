"""Shows what is wrong, or may be, with the data a model is to be trained and judged on.

    python tools/check_data.py --data=fashion_mnist [--data_dir=DIR] [--json] [--examples=10]

First what a release warns about too; then held-out images that training nearly saw, with what was
undone to lay one over the other; how the inputs and labels of train and calibration differ from
held-out, sure where all tests together err once in 20 data sets; and examples whose label may be
wrong, by the labels of those most like them. Data no release accepts is refused with exit code 1.
Expect 12 near duplicates, no drift and some 270 label candidates of held-out Fashion-MNIST, in
about three seconds.

    python tools/check_data.py --data=images:DIR --write_split=split.tsv
    python tools/check_data.py --data=images:DIR --trained_on=split.tsv

--write_split says which example is held out, so that you can train on the others. One line each:
the split (train, validation, holdout; calibration where it is no part of train), the path below
DIR or the row ("x_train:12", or "12" where the data are one array) and the SHA-256 of the file or
of the row's bytes, with tabs between. --trained_on takes such a file, whose held-out lines do not
count, or one with a path, a SHA-256 or a row number a line ("12" is a row of the array that is
held out). It is refused where it states held-out examples; what is not stated is not detected.
"""

import json
import sys
from typing import TYPE_CHECKING, Any

from absl import flags
from tfedge_pipelines import data_flags, entry, order_flags

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.data.hygiene import Findings
    from tfedge.data.task import Task

_PIPED_WIDTH = 120
_FLAGS = flags.FlagValues()
_DATA, _DATA_DIR = data_flags.define(_FLAGS)
_EXAMPLES = flags.DEFINE_integer(
    "examples", 10, "Rows of a table; JSON has all.", 0, flag_values=_FLAGS
)
_WRITE = flags.DEFINE_string(
    "write_split", None, "File to write the splits to, an example a line.", flag_values=_FLAGS
)
_TRAINED_ON = order_flags.trained_on(_FLAGS)
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of tables.", flag_values=_FLAGS)


def run() -> None:
    """Reads the flags."""
    entry.run(main, _FLAGS, __doc__, in_child=True)


def main() -> int:
    """Prints what was found; the exit code."""
    from tfedge.data import hygiene, sources
    from tfedge.data.provenance import trained_on

    if not _DATA.value:
        raise errors.BadInput("--data", "missing", "Name the data, such as --data=digits.")
    task = sources.load_task(_DATA.value, _DATA_DIR.value)
    findings = hygiene.examine(task)
    if _TRAINED_ON.value is not None:
        task = trained_on.check(task, _TRAINED_ON.value)
    if _WRITE.value is not None:
        trained_on.write_split(task, _WRITE.value)
    found = describe(task, findings)
    if _JSON.value:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show(found, _EXAMPLES.value)
    return entry.OK


def describe(task: "Task", findings: "Findings") -> dict[str, Any]:
    """What was found, as JSON takes it: by each check's name the rows of its table."""
    from tfedge.data import hygiene
    from tfedge.data.provenance import trained_on

    closer = hygiene.look_closely(task, hygiene.ROLES, is_patient=True)
    found = {**findings.of_checks, **closer.of_checks}
    tables = {name for name, check in hygiene.checks().items() if check.title}
    return {
        "schema_version": 1,
        "data": task.name,
        "examples": {role: len(split) for role, split in task.splits().items()},
        "trained_on": trained_on.words(task),
        "warnings": list(findings.warnings),
        "looked": {
            name: [f"{what}: {said}" for what, said in each.looked]
            for name, each in found.items()
            if name in tables
        },
        **{name: list(each.rows) for name, each in found.items() if name in tables},
    }


def _show(found: dict[str, Any], most: int) -> None:
    from rich import markup, table
    from tfedge_pipelines import screen

    from tfedge.data import hygiene

    out = screen.make(highlight=False)
    if not out.is_terminal:
        out.width = _PIPED_WIDTH
    counts = ", ".join(f"{role} {n:,}" for role, n in found["examples"].items())
    out.print(f"[bold]{markup.escape(found['data'])}[/bold]: {counts}")
    if found["trained_on"]:
        out.print(f"  {markup.escape(found['trained_on'])}")
    for warning in found["warnings"]:
        out.print(f"  [yellow]warning[/yellow] {markup.escape(warning)}")
    if not found["warnings"]:
        out.print("  nothing that a release would warn about")
    for key, check in hygiene.checks().items():
        if not check.title:
            continue
        title = check.title
        rows = _worst(found[key], most)
        out.print()
        for line in found["looked"][key]:
            out.print(markup.escape(line))
        if not rows:
            continue
        shown = table.Table(
            title=f"{title}: {len(rows)} of {len(found[key])}", title_justify="left"
        )
        for name in rows[0]:
            shown.add_column(name.replace("_", " "))
        for row in rows:
            shown.add_row(*(markup.escape(_text(value)) for value in row.values()))
        out.print(shown)


def _worst(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """The first of each split: rows come ordered within it."""
    seen: dict[str, int] = {}
    kept = []
    for row in rows:
        seen[row["split"]] = seen.get(row["split"], 0) + 1
        if seen[row["split"]] <= most:
            kept.append(row)
    return kept


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run()
