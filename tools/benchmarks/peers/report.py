"""The rows of a comparison: kept in peers.json after each, shown as one table of medians."""

import hashlib
import json
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA_VERSION = 1
COLUMNS = (
    *("accuracy (range)", "to float, 90 %", "no loss", "file", "download", "packed", "M mult-adds"),
    *("ms", "s"),
)
WIDTH = 170  # characters that the numbers of a row and a name of one line need


class Report:
    """peers.json and the .tflite files beside it.

    Args:
        folder: where they are.
        settings: all that the numbers of a row depend on; rows made with others are made anew.
    """

    def __init__(self, folder: pathlib.Path, settings: Mapping[str, Any]):
        self._folder, self._settings = folder, dict(settings)
        self._path = folder / "peers.json"
        known = json.loads(self._path.read_text("utf-8")) if self._path.is_file() else {}
        self._rows = known.get("rows", {})

    def has(self, name: str) -> bool:
        """Whether the row is there, was made with these settings and did not fail."""
        row = self._rows.get(name, {"failed": "never run"})
        return "failed" not in row and row["settings"] == self._settings

    def content(self, name: str) -> bytes:
        """The .tflite file of a row that `has` says is there."""
        return (self._folder / self._rows[name]["file"]).read_bytes()

    def add(self, name: str, row: Mapping[str, Any], content: bytes) -> None:
        """Keeps the row and its file; peers.json is whole at any moment."""
        file = _file_name(name)
        (self._folder / file).write_bytes(content)
        self._rows[name] = {**row, "file": file, "settings": self._settings}
        aside = self._path.with_suffix(f".{os.getpid()}.part")
        text = json.dumps({"schema_version": SCHEMA_VERSION, "rows": self._rows}, indent=2)
        aside.write_text(text + "\n", encoding="utf-8")
        os.replace(aside, self._path)

    def row(self, name: str) -> Mapping[str, Any]:
        """What was measured of it."""
        return self._rows[name]


def show(reports: Sequence[Report], names: Sequence[str], title: str) -> None:
    """Prints the table, in the order given, over the runs of all seeds."""
    from rich import markup, table
    from tfedge_pipelines import screen

    shown = table.Table("peer", title=markup.escape(title))
    for column in COLUMNS:
        shown.add_column(column, justify="right", no_wrap=True)
    for name in names:
        runs = [report.row(name) for report in reports]
        shown.add_row(*map(markup.escape, (name, *cells(runs))))
    wide = screen.make(highlight=False)
    wide.width = max(wide.width, WIDTH)
    wide.print(shown)


def cells(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The runs of a row as text, in the order of the table's columns.

    The interval is that of the run in the middle.
    """
    failed = next((run["failed"] for run in runs if "failed" in run), None)
    if failed is not None:
        return ["", failed[:40], "FAILED"]
    typical = middle(runs)
    lower, upper = typical["interval"]

    def median(name: str) -> float:
        return statistics.median(run[name] for run in runs)

    return [
        _with_range([run["accuracy"] for run in runs]),
        f"{typical['difference']:+.2%} ({lower:+.2%} {upper:+.2%})",
        f"{'yes' if loses_nothing(runs) else 'no'}, {_passed(runs)} of {len(runs)}",
        *(f"{median(name):,.0f}" for name in ("file_bytes", "download_bytes", "packed_bytes")),
        f"{median('multiply_adds') / 1e6:.2f}",
        f"{median('latency_p50_ms'):.3f}",
        f"{median('seconds'):.0f}",
    ]


def _with_range(values: Sequence[float]) -> str:
    median = f"{statistics.median(values):.2%}"
    if len(set(values)) == 1:
        return median
    return f"{median} ({min(values):.2%} .. {max(values):.2%})"


def middle(runs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The run that loses as much as the median; where their number is even, the lower one."""
    return sorted(runs, key=lambda run: run["difference"])[(len(runs) - 1) // 2]


def loses_nothing(runs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run in the middle and two thirds of all pass."""
    return middle(runs)["verdict"] == "PASS" and _passed(runs) >= 2 / 3 * len(runs)


def _passed(runs: Sequence[Mapping[str, Any]]) -> int:
    return sum(run["verdict"] == "PASS" for run in runs)


def _file_name(name: str) -> str:
    """Recipes are too long for file names and differ in their last digits."""
    plain = "".join(character if character.isalnum() else "_" for character in name)
    if len(plain) > 60:
        plain = f"{plain[:60]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{plain}.tflite"
