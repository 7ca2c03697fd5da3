"""Shows what changed between two releases: verdict, figures, classes, layers and settings.

    python tools/compare_releases.py A B [--json] [--most=20]

A and B are release folders, DIR.rejected ones, or scorecard.json files. Where both were judged on
the same held-out examples, the difference of their right answers comes with its interval, example
by example. Nothing is run and no data is needed. Layers need the model.tflite of both.
"""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from absl import flags
from tfedge_pipelines import entry, positional
from tfedge_tools import wide_console

from tfedge import errors

if TYPE_CHECKING:
    from rich.console import Console

_FLAGS = flags.FlagValues()
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of tables.", flag_values=_FLAGS)
_MOST = flags.DEFINE_integer(
    "most", 20, "Rows of a table; JSON has all.", lower_bound=1, flag_values=_FLAGS
)
_A = flags.DEFINE_string(
    "a", None, "The earlier release; may also be given without a flag.", flag_values=_FLAGS
)
_B = flags.DEFINE_string(
    "b", None, "The later release; may also be given without a flag.", flag_values=_FLAGS
)


def run() -> None:
    """Takes the two names with or without their flags."""
    entry.run(main, _FLAGS, __doc__, positional.named("a", "b"))


def main() -> int:
    """Prints what the flags ask for; the exit code."""
    from tfedge.release import comparison
    from tfedge.release.publishing import released

    for flag in (_A, _B):
        if not flag.value:
            remedy = "Name two release folders or scorecard.json files."
            raise errors.BadInput(flag.name.upper(), "missing", remedy)
    found = comparison.compare(released.read(_A.value), released.read(_B.value))
    if _JSON.value:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show(found, _MOST.value)
    return entry.OK


def _show(found: dict[str, Any], most: int) -> None:

    screen = wide_console.make()
    for side in ("a", "b"):
        verdict = found["verdict"][side] or "no verdict"
        screen.print(f"{side.upper()}  {found[side]}: {verdict}", markup=False, highlight=False)
    for note in found["notes"]:
        screen.print(f"   {note}", style="yellow", markup=False, highlight=False)
    if found["metric"]:
        screen.print(_metric(found["metric"]), markup=False, highlight=False)
    sides = {"A": lambda row: _said(row["a"]), "B": lambda row: _said(row["b"])}
    figures = {
        "figure": lambda row: row["name"],
        "A": lambda row: _amount(row, "a"),
        "B": lambda row: _amount(row, "b"),
        "change": _change,
    }
    _table(screen, "figures", figures, found["figures"], most)
    classes = {
        "class": lambda row: row["class"],
        "examples": lambda row: _said(row["n"]),
        "A": lambda row: _percent(row["a"]),
        "B": lambda row: _percent(row["b"]),
        "points": lambda row: "" if row["change"] is None else f"{100 * row['change']:+.1f}",
    }
    changed = [row for row in found["classes"] if row["change"]]
    _table(screen, "classes that changed, the largest loss first", classes, changed, most)
    _table(screen, "checks", {"check": lambda row: row["check"], **sides}, found["checks"], most)
    layers = {
        "layer": lambda row: row["layer"],
        "shape": lambda row: _both(row, "shape", lambda shape: "x".join(map(str, shape))),
        "bits": lambda row: _both(row, "bits", str),
        "zeros": lambda row: _both(row, "sparsity", lambda share: f"{share:.1%}"),
        "distinct": lambda row: _both(row, "distinct", str),
        "bytes": lambda row: _both(row, "stored_bytes", lambda size: f"{size:,}"),
    }
    _table(screen, "layers", layers, found["layers"], most)
    setting = {"setting": lambda row: row["name"], **sides}
    _table(screen, "settings and versions", setting, found["settings"], most)


def _metric(metric: dict[str, Any]) -> str:
    """The metric in one line."""
    share = metric["name"] in ("accuracy", "top5") or "low" in metric

    def say(value: float | None) -> str:
        if value is None:
            return "not measured"
        return f"{value:.2%}" if share else f"{value:.4g}"

    words = f"{metric['name']}: {say(metric['a'])} -> {say(metric['b'])}"
    if "difference" not in metric:
        return words
    if not share:
        return f"{words}, {metric['difference']:+.4g}"
    words += f", {100 * metric['difference']:+.2f} points"
    if "low" in metric:
        words += (
            f" ({100 * metric['low']:+.2f} to {100 * metric['high']:+.2f}; {metric['method']})"
            f" on the same {metric['n']:,} examples: only A has {metric['only_a_right']:,} right, "
            f"only B {metric['only_b_right']:,}"
        )
    return words


def _amount(row: dict[str, Any], side: str) -> str:
    value, unit = row[side], row["unit"]
    if value is None:
        return "not measured"
    if unit == "share":
        return f"{value:.2%}"
    if unit == "bytes":
        return f"{value:,} bytes"
    factor, unit = _shown(row)
    said = f"{factor * value:.3g} {unit}"
    low, high = row.get(f"{side}_low"), row.get(f"{side}_high")
    if low is None or high is None:
        return said
    return f"{said} ({factor * low:.3g} to {factor * high:.3g})"


def _shown(row: dict[str, Any]) -> tuple[float, str]:
    """What both sides are multiplied by, and their unit then."""
    from tfedge.device import energy

    if row["unit"] != "mJ":
        return 1.0, row["unit"]
    return energy.shown(min(row[side] for side in ("a", "b") if row[side] is not None))


def _change(row: dict[str, Any]) -> str:
    before, after = row["a"], row["b"]
    if before is None or after is None or before == after:
        return ""
    if row["unit"] == "share":
        return f"{100 * (after - before):+.2f} points"
    said = f"{after / before - 1:+.1%}" if before > 0 else ""
    return "" if said in ("+0.0%", "-0.0%") else said


def _both(row: dict[str, Any], name: str, say: Callable[[Any], str]) -> str:
    """Such as "8 -> 4"; one value where both have it, "none" where a layer is not there."""
    before, after = (say(each[name]) if each else "none" for each in (row["a"], row["b"]))
    return before if before == after else f"{before} -> {after}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"


def _said(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _table(screen: "Console", title: str, columns: dict[str, Any], rows: list, most: int) -> None:
    """One column for each entry: its heading, and what to say of a row."""
    from rich import box, table, text

    if not rows:
        return
    title += f", {most} of {len(rows)}" if len(rows) > most else ""
    shown = table.Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in columns:
        shown.add_column(heading, overflow="fold")
    for row in rows[:most]:
        shown.add_row(*(text.Text(cell(row)) for cell in columns.values()))
    screen.print(shown)


if __name__ == "__main__":
    run()
