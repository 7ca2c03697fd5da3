"""Where tables go: a console that shows what files say and never acts on it."""

import errno
import sys
from collections.abc import Iterator
from typing import Any

from rich import console, segment

from tfedge import plain_text


def make(**settings: Any) -> console.Console:
    """A console on standard output; `settings` are rich's own."""
    made = _Console(file=sys.stdout, **settings)
    made.push_render_hook(_Escaping())
    return made


class _Console(console.Console):
    def on_broken_pipe(self) -> None:
        """`entry` decides on it; rich would end the process as for bad input."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads it any more")


class _Escaping(console.RenderHook):
    def process_renderables(
        self, renderables: list[console.ConsoleRenderable]
    ) -> list[console.ConsoleRenderable]:
        return [_Escaped(each) for each in renderables]


class _Escaped:
    """What is drawn, with the text in it escaped; the console's own colours stay."""

    def __init__(self, drawn: console.RenderableType):
        self._drawn = drawn

    def __rich_console__(
        self, screen: console.Console, options: console.ConsoleOptions
    ) -> Iterator[segment.Segment]:
        for text, style, control in screen.render(self._drawn, options):
            yield segment.Segment(text if control else plain_text.printable(text), style, control)
