"""How metrics are named in text: NAME, NAME:OUTPUT, NAME(option=word):OUTPUT, and lists of them."""

import dataclasses
import re
from collections.abc import Mapping

from tfedge import errors

_BETWEEN = re.compile(r",(?![^()]*\))")
_ONE = re.compile(r"(?P<name>[^:()]+)(?:\((?P<options>[^()]*)\))?(?::(?P<output>.+))?")
_OPTION = re.compile(r"""\s*(\w+)\s*=\s*(['"]?)([\w.]+)\2\s*""")


@dataclasses.dataclass(frozen=True)
class Named:
    """One metric as asked for.

    Attributes:
        name: of `metrics`.
        options: such as boxes -> xyxy.
        output: the one it looks at, or two joined by "+"; "" leaves that open.
    """

    name: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)
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
    """One name with its options and output.

    Raises:
        BadInput: text that is none.
    """
    match = _ONE.fullmatch(text.strip())
    options: dict[str, str] = {}
    for part in split(match["options"]) if match and match["options"] else ():
        option = _OPTION.fullmatch(part)
        match = match if option else None
        options |= {option[1]: option[3]} if option else {}
    if not match:
        raise errors.BadInput(
            f"metric {text}",
            "it cannot be read",
            "Write NAME, NAME:OUTPUT or NAME(option=word), such as auc:faces.",
        )
    return Named(match["name"], options, match["output"] or "")
