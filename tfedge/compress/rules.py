"""Settings per layer: a regular expression of layer names -> settings that differ there.

The first rule that matches a whole name decides; `None` leaves the layer alone.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from tfedge import patterns
from tfedge.errors import BadInput

Settings = TypeVar("Settings")
Rules = Mapping[str, Mapping[str, Any] | None]

_MOST_RULES = 1000


def check(rules: Rules, layers: Sequence[str], owner: str) -> None:
    """Refuse rules that match nothing or are no regular expression.

    Raises:
        BadInput: naming the rule and the layers there are; or too many rules.
    """
    if len(rules) > _MOST_RULES:
        raise BadInput(
            f"{owner} rules", f"there are {len(rules):,}, more than {_MOST_RULES:,}", "Join some."
        )
    for pattern in rules:
        if not named(pattern, layers):
            raise BadInput(
                f"{owner} rule {pattern!r}",
                "matches no layer",
                f"Layers it can name: {', '.join(layers)}.",
            )


def named(pattern: str, layers: Sequence[str]) -> list[str]:
    """The layers that a pattern names."""
    return list(filter(_read(pattern).matches, layers))


def matching(rules: Rules, layer: str) -> str | None:
    """The first rule that names this layer, or None."""
    return next((pattern for pattern in rules if _read(pattern).matches(layer)), None)


def _read(pattern: str) -> patterns.Pattern:
    try:
        return patterns.Pattern(pattern)
    except ValueError as error:
        raise BadInput(
            f"rule {pattern!r}",
            f"not a regular expression of layer names ({error}; {patterns.WITHOUT})",
            "Write a layer's name, or block_.* for several.",
        ) from error


def settings_for(default: Settings, layer: str) -> Settings | None:
    """`default` (a frozen dataclass with a field `rules`) as it holds for one layer.

    Returns:
        None when a rule leaves the layer alone.
    """
    pattern = matching(default.rules, layer)  # type: ignore[attr-defined]
    if pattern is None:
        return default
    changes = default.rules[pattern]  # type: ignore[attr-defined]
    if changes is None:
        return None
    return dataclasses.replace(default, **changes)  # type: ignore[type-var]
