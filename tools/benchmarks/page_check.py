"""Lives of a page that fetches its models, in headless Chromium, and browsers that are killed.

    python tools/benchmarks/page_check.py

A small network is released twice. The first release is in the page that `tfedge app --trust` wrote;
a repository of another origin offers both, over a network that breaks, and then bad versions. Every
visit is a new start of the browser on what it kept; all answers are compared with those of Python's
interpreter for the version that the page says it has. Then browsers are killed, all of their
processes at once, at random moments of an update. Needs chromium, and npm once for LiteRT.js.
Ten minutes.

Exit codes: 0 all as it should be, 1 bad input, 2 an error of ours, 3 something was otherwise.
"""

import pathlib
import sys
import tempfile

from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import markdown

_FLAGS = flags.FlagValues()
_KILLS = flags.DEFINE_integer("kills", 30, "How many browsers are killed.", flag_values=_FLAGS)
_RELEASES = flags.DEFINE_string(
    "releases", None, "Folder to keep the two releases in, for another run.", flag_values=_FLAGS
)
_OTHERWISE = 3


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Prints the tables; the exit code."""
    from tfedge_tools.benchmarks.pages import publisher, scenes

    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        subjects = publisher.releases(pathlib.Path(_RELEASES.value or place / "releases"))
        rows = scenes.run(_made(place / "scenes"), subjects)
        cells = [[each.scene, each.loaded, each.answers, each.update] for each in rows]
        _show(["visit", "began with", "answers as Python's", "the update said"], cells)
        killed = scenes.kill(_made(place / "kills"), subjects, _KILLS.value)
    of_them = [f"{each:,}" for each in (killed.tries, killed.old, killed.new, killed.wrong)]
    heads = ["killed", "began with the old one", "with the new one", "wrong or to be cleaned up"]
    _show([*heads, "an update takes"], [[*of_them, f"{killed.seconds:.1f} s"]])
    return entry.OK if all(each.is_right for each in rows) and not killed.wrong else _OTHERWISE


def _show(heads: list[str], cells: list[list[str]]) -> None:
    sys.stdout.write(f"\n{markdown.table(heads, cells)}\n")


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    run()
