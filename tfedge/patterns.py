"""Regular expressions of users and of files, matched in time that grows with the text alone.

Python's own engine can take exponential time: (a+)+$ on thirty letters takes minutes. The syntax of
RE2 is the same but for look-ahead, look-behind and references back to a group, which it refuses.

Reference: R. Cox, "Regular Expression Matching Can Be Simple And Fast", 2007.
"""

import dataclasses
import functools
from typing import Any

import re2

_MOST_BYTES = 2**20  # of one, compiled
WITHOUT = "look-around and references to groups are not known"


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A regular expression.

    Attributes:
        text: as it was written.

    Raises:
        ValueError: it is none, with the reason.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what is none."""
        _compiled(self.text)

    def matches(self, text: str) -> bool:
        """Whether it stands for the whole text."""
        return _compiled(self.text).fullmatch(_plain(text)) is not None

    def found_in(self, text: str) -> tuple[str | None, ...] | str | None:
        """Its groups where it is first found, or all it stands for there; None where it is not."""
        match = _compiled(self.text).search(_plain(text))
        return None if match is None else match.groups() or match.group()


@functools.lru_cache(maxsize=256)
def _compiled(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_BYTES
    try:
        return re2.compile(_plain(text), options)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if error.args else "too large"
        raise ValueError(said) from error


def _plain(text: str) -> str:
    """Without lone surrogates, of which names of files can have some, and RE2 knows nothing."""
    return text.encode(errors="replace").decode()
