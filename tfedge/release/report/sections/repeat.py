"""How to come to the same release again: command, data, versions."""

import dataclasses
import json
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "How to repeat it"
PLACE = 130
_LONG = 80  # of a command on one line


@dataclasses.dataclass(frozen=True)
class Repeat:
    """The command on lines, (label, value) of what else a second run needs, and recipe.json."""

    command: str
    rows: tuple[tuple[str, str], ...]
    recipe_json: str


def of(facts: "Facts") -> Repeat:
    """As far as it is known."""
    recipe = json.dumps(facts.recipe, indent=2) if facts.recipe else ""
    return Repeat(command_lines(facts.command), _rows(facts), recipe)


def command_lines(command: str) -> str:
    """A command with each flag on a line of its own, still to be copied as a whole."""
    try:
        words = [_quoted(word) for word in shlex.split(command)]
    except ValueError:  # not written by a shell's rules
        return command
    if len(command) <= _LONG:
        return command
    return " ".join(f"\\\n    {word}" if word.startswith("--") else word for word in words)


def _quoted(word: str) -> str:
    """As a shell needs it, with a flag's name outside of the quotes."""
    name, equals, value = word.partition("=")
    return f"{name}={shlex.quote(value)}" if name[:2] == "--" and equals else shlex.quote(word)


def _rows(facts: "Facts") -> tuple[tuple[str, str], ...]:
    recipe, found = facts.recipe, []
    for label, key in (
        ("Model", "model"),
        ("Its SHA-256, as float32", "model_float32_sha256"),
        ("Data", "data"),
        ("Recipe", "recipe"),
        ("Export", "export"),
        ("Why this export", "export_reason"),
        ("Augmentation", "augment"),
    ):
        if recipe.get(key):
            found.append((label, str(recipe[key])))
    found.append(("Seed", str(recipe.get("seed", facts.task.seed))))
    versions = recipe.get("versions") or {}
    if versions:
        found.append(("Versions", ", ".join(f"{name} {each}" for name, each in versions.items())))
    return tuple(found)
