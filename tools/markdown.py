"""Tables of Markdown, and Google-style docstrings as Markdown."""

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Example|References):")
_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*)")
_OF_ENTRIES = ("Args", "Attributes", "Raises")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell is escaped, also where it is code."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: str) -> str:
    """Text as code in a line; nothing for no text."""
    return f"`{text}`" if text else ""


def prose(docstring: str | None) -> str:
    """What a docstring says before its sections."""
    return _paragraphs(next(iter(_sections(docstring)), ("", []))[1])


def of_docstring(docstring: str | None) -> str:
    """All that a docstring says: prose, code, and its sections as lists."""
    parts = []
    for title, lines in _sections(docstring):
        if not title:
            parts.append(_paragraphs(lines))
        elif title in _OF_ENTRIES:
            items = [f"- `{name}`: {text}" for name, text in _entries(lines)]
            parts.append("\n".join([f"*{title}*", "", *items]))
        else:
            parts.append(f"*{title}*\n\n{_paragraphs(lines)}")
    return "\n\n".join(part for part in parts if part)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _sections(docstring: str | None) -> list[tuple[str, list[str]]]:
    """(title, lines without their indentation); what comes first has the title ""."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in inspect.cleandoc(docstring or "").splitlines():
        match = _SECTION.fullmatch(line)
        if match:
            found.append((match[1], []))
        else:
            found[-1][1].append(line.removeprefix("    ") if found[-1][0] else line)
    return found


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(names, text) of "name: text" with the lines that go on with it."""
    name, text = "", ""
    for line in lines:
        match = _ENTRY.fullmatch(line)
        if match:
            if name:
                yield name, text
            name, text = match[1], match[2]
        else:
            text = f"{text} {line.strip()}".rstrip()
    if name:
        yield name, text


def _paragraphs(lines: Iterable[str]) -> str:
    """Text, in which an indented paragraph or a session of Python is code."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    return "\n\n".join(
        f"```python\n{textwrap.dedent(block)}\n```" if block.startswith(("    ", ">>>")) else block
        for block in blocks
    )
