"""Where the tools' tables go: as wide as the terminal, and wide enough where a file takes them."""

import os
import sys

from rich.console import Console

_PIPED_WIDTH = 140


def make() -> Console:
    """A console on standard output."""
    fits = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, width=None if fits else _PIPED_WIDTH)
