"""Values from files as they may stand in code: names of tensors and classes may hold anything."""

import json
import re
from collections.abc import Collection, Iterable

import numpy as np

from tfedge import plain_text

# Of Kotlin, Swift and JavaScript, and what the generated code itself calls by a plain name.
_TAKEN = frozenset(
    """abstract any as associatedtype async await bool boolean break case catch class close
    companion const constructor continue data debugger default defer deinit delete do
    double else enum export extends extension fallthrough false fileprivate final finally
    float for fun func function golden guard if implements import in indirect init inner
    inout instanceof int interface internal interpreter is it lateinit let long model nil
    new null object open operator options outputs override package private protected
    protocol public repeat result return self set short static string struct subscript
    super switch tailrec this throw throws true try typealias typeof undefined val value
    var vararg void when where while with yield""".split()
)
_ROUNDED = 9  # significant digits tell every float32 apart


def identifier(name: str, before: Collection[str] = ()) -> str:
    """A name as all three languages take it: letters and digits, a small letter first.

    >>> identifier("serving_default image:0"), identifier("class"), identifier("x", {"x"})
    ('servingDefaultImage0', 'classTensor', 'x2')
    """
    first, *rest = _words(name) or ["tensor"]
    made = first[0].lower() + first[1:] + "".join(word[0].upper() + word[1:] for word in rest)
    if made[0].isdigit() or made.lower() in _TAKEN:
        made = f"tensor{made}" if made[0].isdigit() else f"{made}Tensor"
    number, found = 1, made
    while found in before:
        number += 1
        found = f"{made}{number}"
    return found


def type_name(name: str) -> str:
    """A name for a class.

    >>> type_name("digits_cnn"), type_name("2 towers")
    ('DigitsCnn', 'Model2Towers')
    """
    made = "".join(word[0].upper() + word[1:] for word in _words(name))[:60]
    return made if made[:1].isalpha() else f"Model{made}"


def text(value: str) -> str:
    """In double quotes, in ASCII, as JavaScript and Kotlin read it; no Kotlin template."""
    quoted = json.dumps(plain_text.printable(value), ensure_ascii=True)
    return quoted.replace("$", "\\u0024")


def swift_text(value: str) -> str:
    """Likewise for Swift, whose escapes have braces."""
    quoted = json.dumps(plain_text.printable(value), ensure_ascii=False)
    return re.sub(r"\\u([0-9a-f]{4})", r"\\u{\1}", quoted)


def number(value: float) -> str:
    """A float32, told apart from every other one.

    >>> number(1 / 16), number(1), number(0.1)
    ('0.0625', '1.0', '0.100000001')
    """
    said = f"{np.float32(value):.{_ROUNDED}g}"
    return said if re.search(r"[.e]", said) else f"{said}.0"


def comment(value: str) -> str:
    """Words inside a comment, which they cannot end."""
    return plain_text.printable(" ".join(value.split())).replace("*/", "* /").replace("/*", "/ *")


def markdown(value: str) -> str:
    """Words in a page."""
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", comment(value))


def listed(values: Iterable[object]) -> str:
    """With commas between."""
    return ", ".join(str(value) for value in values)


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", name)


FILTERS = {
    "text": text,
    "swift_text": swift_text,
    "number": number,
    "comment": comment,
    "markdown": markdown,
    "listed": listed,
}
