"""How metrics are named in text: NAME, NAME:OUTPUT, NAME(option=word):OUTPUT, and lists of them."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from tfedge import grammar

LANGUAGE = grammar.Language("metric", "metric", "NAME, NAME:OUTPUT or NAME(option=word)")
_BETWEEN = re.compile(r",(?![^()]*\))")
_BARE_WORD = re.compile(r"=\s*([A-Za-z_]\w*)\s*(?=[,)])")


@dataclasses.dataclass(frozen=True)
class Named:
    """One metric as asked for.

    Attributes:
        name: of `metrics`.
        options: such as boxes -> xyxy.
        output: the one it looks at, or two joined by "+"; "" leaves that open.
    """

    name: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    output: str = ""

    @property
    def shown(self) -> str:
        """Name and options, as reports show them."""
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}({options})" if options else self.name


def split(text: str) -> list[str]:
    """The parts of a list, at commas outside parentheses."""
    return [part.strip() for part in _BETWEEN.split(text)]


def parse(text: str) -> Named:
    """One name with its options and output; words need no quotes.

    Raises:
        BadInput: text that is none.
    """
    name, closed, rest = text.partition(")")
    if not closed:
        name, _, output = text.partition(":")
        return _named(name, output)
    return _named(name + closed + rest.partition(":")[0], rest.partition(":")[2])


def _named(text: str, output: str) -> Named:
    call = grammar.read_one(_BARE_WORD.sub(r'="\1"', text), LANGUAGE)
    return Named(call.name, call.settings, output)
