"""How the objects of the Python API show themselves in a prompt and in a notebook."""

import abc
import html
import textwrap

from tfedge import plain_text

_WIDEST = 100  # characters of a line
_MOST_ROWS = 24
_MOST_LINES = 3  # of a row
Rows = list[tuple[str, str]]


class Shown(abc.ABC):
    """Shows itself as a title and rows of a name and a value, whatever size its parts have."""

    @abc.abstractmethod
    def _shown(self) -> tuple[str, Rows]:
        """The title, and the rows; nothing is read or computed for them that takes time."""

    def __repr__(self) -> str:
        """On a terminal: a few lines a row at most, none longer than a screen is wide."""
        title, rows = _few(*self._shown())
        width = min(_WIDEST // 3, max((len(name) for name, _ in rows), default=0))
        lines = _wrapped(title, "", "  ")
        for name, said in rows:
            lines += _wrapped(said, f"  {name:{width}}  ", " " * (width + 4))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """In a notebook: a table."""
        title, rows = _few(*self._shown())
        body = "".join(
            f'<tr><th style="text-align:left">{_safe(name)}</th>'
            f'<td style="text-align:left">{_safe(said)}</td></tr>'
            for name, said in rows
        )
        return f"<table><caption><b>{_safe(title)}</b></caption>{body}</table>"


def listed(names: tuple[str, ...] | list[str], most: int = 6) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _few(title: str, rows: Rows) -> tuple[str, Rows]:
    more = len(rows) - _MOST_ROWS
    return title, rows if more <= 0 else [*rows[:_MOST_ROWS], ("...", f"{more} rows more")]


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        plain_text.printable(text),
        _WIDEST,
        initial_indent=plain_text.printable(first),
        subsequent_indent=others,
        max_lines=_MOST_LINES,
        placeholder=" ...",
    )


def _safe(text: str) -> str:
    return html.escape(plain_text.printable(text))
