"""Where the tools' tables go: as wide as the terminal, and wide enough where a file takes them."""

import os
import sys

from rich.console import Console
from tfedge_pipelines import screen

_PIPED_WIDTH = 140


def make() -> Console:
    """A console on standard output."""
    fits = sys.stdout.isatty() or "COLUMNS" in os.environ
    return screen.make(width=None if fits else _PIPED_WIDTH)
