"""Shows what each layer of a model can bear: sparsity, few values, few bits, low rank, channels.

    python tools/sensitivity.py --model=FILE --data=SOURCE [--json] [--plot=FILE.html]
    python tools/sensitivity.py --model=FILE --data=SOURCE --target_harm=0.1

Each layer is changed alone, without training, and answers some validation examples; held-out ones
are never read. A cell has the packed bytes that a change saves and how much it harms the answers:
the KL divergence from the model's own, else the loss added, else the share of noise.
--target_harm prints the recipe, with settings by layer, of the fewest packed bytes for so much harm
of all layers, --target_kb that of the least harm within so many kB; release.py --recipe takes it.
Training mends most of what adds up to 0.1, and less of more. --table reads what --json wrote
instead of probing again.
"""

import pathlib
import sys
from typing import TYPE_CHECKING

from absl import flags, logging
from tfedge_pipelines import data_flags, entry
from tfedge_tools import wide_console

from tfedge import errors, extras, progress

if TYPE_CHECKING:
    from rich import table as rich_table

    from tfedge.probing.budgets import Budget
    from tfedge.probing.rows import Row
    from tfedge.probing.table import Table

_FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_string("model", None, ".keras | .h5 | py:FILE:FUNCTION.", flag_values=_FLAGS)
_DATA, _DATA_DIR = data_flags.define(_FLAGS)
_CUSTOM_OBJECTS = flags.DEFINE_string(
    "custom_objects",
    None,
    "py:FILE with tf_keras twins of custom layers; trusted.",
    flag_values=_FLAGS,
)
_TECHNIQUES = flags.DEFINE_list(
    "techniques",
    ["prune", "cluster", "quantize", "low_rank", "slim"],
    "Passes to probe: those with a searched setting that may differ by layer.",
    flag_values=_FLAGS,
)
_VALUES = flags.DEFINE_integer("values", 6, "Of each setting.", 1, flag_values=_FLAGS)
_EXAMPLES = flags.DEFINE_integer(
    "examples",
    None,
    "Validation examples that each probe answers. Default: 256, fewer for a large model.",
    1,
    flag_values=_FLAGS,
)
_MINUTES = flags.DEFINE_float(
    "minutes", 10.0, "No further change is begun after that.", 0.0, flag_values=_FLAGS
)
_TARGET = flags.DEFINE_float(
    "target_kb", None, "Print the recipe for so many packed kB (1,000 bytes).", flag_values=_FLAGS
)
_HARM = flags.DEFINE_float(
    "target_harm",
    None,
    "Print the recipe of the fewest bytes whose harms, before training, add up to no more.",
    flag_values=_FLAGS,
)
_TABLE = flags.DEFINE_string(
    "table", None, "What --json wrote; nothing is probed.", flag_values=_FLAGS
)
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of tables.", flag_values=_FLAGS)
_PLOT = flags.DEFINE_string("plot", None, "File for a page with plots.", flag_values=_FLAGS)
_TOO_MUCH = 0.3  # of harms that are added
_MILD, _STRONG = 0.01, 0.1  # harms from which on a cell is yellow, and red


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__, in_child=True)


def main() -> int:
    """Prints what the flags ask for; the exit code."""
    if _PLOT.value or not _TABLE.value:
        extras.require("tfedge sensitivity", "compress")
    from tfedge.probing import plot
    from tfedge.probing.table import Table

    table = Table.read(_TABLE.value) if _TABLE.value else _probed()
    budget = _budget(table)
    if _PLOT.value:
        pathlib.Path(_PLOT.value).write_bytes(plot.render(table))
    if _JSON.value:
        sys.stdout.write(table.as_text())
    elif budget is None:
        _show(table)
    else:
        logging.info(
            "about %s packed bytes, %.2g of harm before training",
            *(f"{table.packed_bytes - budget.saved_bytes:,}", budget.harm),
        )
        if budget.harm > _TOO_MUCH:
            logging.warning("so much harm does not add up, and training may not mend it")
        sys.stdout.write(f"{budget.recipe}\n")
    return entry.OK


def _budget(table: "Table") -> "Budget | None":
    if _TARGET.value is None and _HARM.value is None:
        return None
    kept = None if _TARGET.value is None else round(_TARGET.value * 1000)
    return table.budget(packed_bytes=kept, harm=_HARM.value)


def _probed() -> "Table":
    from tfedge.compress import loading
    from tfedge.compress.loading import drawn_models
    from tfedge.data import sources
    from tfedge.making import data_match
    from tfedge.probing import changes, sensitivity

    source = _DATA.value
    for name, value in (("--model", _MODEL.value), ("--data", source)):
        if value is None:
            raise errors.BadInput(name, "missing", "Give both --model and --data, or --table.")
    changes.of(_TECHNIQUES.value, _VALUES.value)  # refused before any data are read
    task = sources.load_task(source, _DATA_DIR.value)
    with progress.phase(f"opening {pathlib.Path(_MODEL.value).name}"):
        model = loading.load_model(_MODEL.value, _CUSTOM_OBJECTS.value)
    model = drawn_models.of(model, task)
    if not loading.is_functional(model):
        raise errors.BadInput(
            f"--model={_MODEL.value}", "it has no Keras layers", "Name a .keras or .h5 file."
        )
    data_match.check(model, task)
    return sensitivity.sensitivity(
        model,
        task,
        _TECHNIQUES.value,
        values=_VALUES.value,
        examples=_EXAMPLES.value,
        seconds=60 * _MINUTES.value,
    )


def _show(table: "Table") -> None:
    from rich import text

    out = wide_console.make()
    out.print(
        f"{table.model}: {table.packed_bytes:,} bytes packed as int8; {table.examples:,} examples "
        f"of validation, {table.seconds:.0f} s. A cell: bytes saved, {table.harm_words}.",
        markup=False,
        highlight=False,
    )
    for axis in table.axes:
        out.print(_of(axis, table))
    for reason, told in _missing(table).items():
        out.print(text.Text(f"{', '.join(told)}: {reason}"))


def _of(axis: str, table: "Table") -> "rich_table.Table":
    """A row for each layer, a column for each value."""
    from rich import table as rich_table
    from rich import text

    rows = {layer: table.by_axis(layer).get(axis, []) for layer in table.layer_bytes}
    changes = sorted(
        {each.changes[0] for found in rows.values() for each in found}, key=lambda c: c.value
    )
    shown = rich_table.Table(title=axis, title_justify="left")
    shown.add_column("layer", overflow="fold")
    shown.add_column("bytes", justify="right")
    for each in changes:
        shown.add_column(str(each.value), justify="right")
    for layer, found in rows.items():
        by_change = {each.changes[0]: each for each in found}
        if found:
            cells = [_cell(by_change.get(change)) for change in changes]
            shown.add_row(text.Text(layer), f"{table.layer_bytes[layer]:,}", *cells)
    return shown


def _cell(row: "Row | None") -> str:
    if row is None or row.difference is None:
        return ""
    harm = row.difference.harm
    colour = "green" if harm < _MILD else "yellow" if harm < _STRONG else "red"
    return f"{row.saved_bytes:,} [{colour}]{harm:.2g}[/{colour}]"


def _missing(table: "Table") -> dict[str, list[str]]:
    """Reason -> changes of all layers, and techniques of which a layer has nothing at all."""
    known = {(row.changes[0].technique, row.layer) for row in table.rows}
    found: dict[str, dict[str, None]] = {}
    for change, layer, why in table.missing:
        technique = change.partition("(")[0]
        if (technique, layer) not in known:
            told = change if layer == "*" else f"{technique} of {layer}"
            found.setdefault(why, {})[told] = None
    return {why: list(told) for why, told in found.items()}


if __name__ == "__main__":
    run()
