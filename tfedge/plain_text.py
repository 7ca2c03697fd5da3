"""Text from foreign files, made safe to show: on a terminal, in a report, in a model card.

A class name or an operator may hold ESC, BEL or a bidirectional override, which recolour a
terminal, ring it, or turn the letters around. Each becomes its escape, as repr() writes it.
"""

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction
    "\u2028\u2029\ufeff\ud800-\udfff]"  # more line ends, a byte order mark, halves of a pair
)


def printable(text: str) -> str:
    """The text with every character that would act, or cannot be encoded, as its escape.

    Tabs and newlines stay. What comes back can always be written as UTF-8.
    """
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
