"""What a search takes beyond its trials, and when all of them are in the cache.

    python tools/benchmarks/search_overhead.py
    python tools/benchmarks/search_overhead.py -- --budget=12trials --model=... --data=...

Flags of search.py follow two dashes; without them it is the embedded digits and 12 trials. The
search is run twice with one cache, into two folders. Seconds are those of processors, of the
program and all its processes, so that other work on the computer does not count.
"""

import json
import os
import pathlib
import resource
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from unittest import mock

from absl import flags
from tfedge_pipelines import entry

from tfedge import errors

_FLAGS = flags.FlagValues()
_SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "pipelines" / "search.py"
_USUAL = ("--budget=12trials",)
_LISTING = "SEARCH_OVERHEAD_LISTING"  # of the environment: a file, a line for each trial


def run() -> None:
    """The program; with `_LISTING` it is the search whose trials are timed."""
    if _LISTING in os.environ:
        _search(pathlib.Path(os.environ[_LISTING]))
        return
    argv = sys.argv
    split = argv.index("--") if "--" in argv else len(argv)
    given = argv[split + 1 :] or list(_USUAL)
    entry.run(lambda: main(given), _FLAGS, __doc__, argv[:split])


def main(given: Sequence[str]) -> int:
    """Runs it twice."""
    with tempfile.TemporaryDirectory(prefix="tfedge_overhead_") as name:
        folder = pathlib.Path(name)
        whole, trials = _timed(given, folder, "cold")
        warm, _ = _timed(given, folder, "warm")
    beyond = whole - sum(trials)
    entry.tell(
        f"{len(trials)} trials: {whole:.1f} s of processors, {beyond:.1f} s ({beyond / whole:.1%}) "
        f"beyond them; with a warm cache {warm:.1f} s ({warm / whole:.1%})"
    )
    return entry.OK


def _timed(given: Sequence[str], folder: pathlib.Path, name: str) -> tuple[float, list[float]]:
    """Seconds of a search, and of its trials."""
    listing, before = folder / f"{name}.seconds", _seconds()
    ended = subprocess.run(
        [
            *(sys.executable, __file__, *given),
            *(f"--cache_dir={folder / 'cache'}", f"--output_dir={folder / name}"),
        ],
        env={**os.environ, _LISTING: str(listing)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode not in (0, 3, 4):
        raise errors.BadInput(
            "search.py", f"it ended with {ended.returncode}", "Run it by itself to see why."
        )
    return _seconds() - before, [json.loads(line) for line in listing.read_text().splitlines()]


def _search(listing: pathlib.Path) -> None:
    """search.py, which writes down what each trial takes."""
    from tfedge.search import measuring

    measure = measuring.Bench.measure

    def timed(*given):
        before = _seconds()
        trial = measure(*given)
        with listing.open("a") as file:
            file.write(f"{_seconds() - before}\n")
        return trial

    with mock.patch.object(measuring.Bench, "measure", timed):
        runpy.run_path(str(_SCRIPT), run_name="__main__")


def _seconds() -> float:
    """Of processors so far: this process, and those of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    run()
