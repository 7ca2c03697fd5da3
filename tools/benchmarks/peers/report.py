"""The rows of a comparison: kept in peers.json after each, shown as one table."""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA_VERSION = 1
COLUMNS = (
    *("accuracy", "to float, 90 %", "verdict", "file", "download", "packed", "M mult-adds"),
    *("ms", "s"),
)
WIDTH = 150  # characters that the numbers of a row and a name of one line need


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

    def show(self, names: Sequence[str], title: str) -> None:
        """Prints the table, in the order given."""
        from rich import markup, table
        from tfedge_pipelines import screen

        shown = table.Table("peer", title=markup.escape(title))
        for column in COLUMNS:
            shown.add_column(column, justify="right", no_wrap=True)
        for name in names:
            shown.add_row(*map(markup.escape, (name, *cells(self._rows[name]))))
        wide = screen.make(highlight=False)
        wide.width = max(wide.width, WIDTH)
        wide.print(shown)


def cells(row: Mapping[str, Any]) -> list[str]:
    """A row as text, in the order of the table's columns."""
    if "failed" in row:
        return ["", row["failed"][:40], "FAILED"]
    lower, upper = row["interval"]
    return [
        f"{row['accuracy']:.2%}",
        f"{row['difference']:+.2%} ({lower:+.2%} {upper:+.2%})",
        row["verdict"],
        f"{row['file_bytes']:,}",
        f"{row['download_bytes']:,}",
        f"{row['packed_bytes']:,}",
        f"{row['multiply_adds'] / 1e6:.2f}",
        f"{row['latency_p50_ms']:.3f}",
        f"{row['seconds']:.0f}",
    ]


def _file_name(name: str) -> str:
    """Recipes are too long for file names and differ in their last digits."""
    plain = "".join(character if character.isalnum() else "_" for character in name)
    if len(plain) > 60:
        plain = f"{plain[:60]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{plain}.tflite"
