"""Breaks fetches in every way, and shows that nothing is lost, mixed or fetched twice.

    python tools/benchmarks/fetch_trials.py --trial=cuts --client=python
    python tools/benchmarks/fetch_trials.py --trial=crowd --tries=1000

cuts: the connection breaks at every byte; flips: every bit of what comes is another one; kills:
kill -9 at random moments; disk: every change on the disk fails; crowd: many installations behind a
lossy network. A repository of two versions is published into a temporary folder and served here.
All of it takes 20 minutes of a processor. Exit code 1 if one of them did not end as it has to.
"""

import logging
import os
import pathlib
import random
import sys
import tempfile
from types import ModuleType

from absl import flags
from absl import logging as absl_logging
from tfedge_pipelines import entry
from tfedge_tools import wide_console

from tfedge import errors, settings

_FLAGS = flags.FlagValues()
_TRIAL = flags.DEFINE_list("trial", ["all"], "Which; separated by commas.", flag_values=_FLAGS)
_CLIENT = flags.DEFINE_list("client", ["all"], "Whose; likewise.", flag_values=_FLAGS)
_TRIES = flags.DEFINE_integer(
    "tries", 0, "How often; 0 for every place there is.", lower_bound=0, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn.", flag_values=_FLAGS)


def run() -> None:
    """Parses the flags."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Runs the trials; the exit code."""
    from rich import table
    from tfedge_tools.benchmarks.fetching import clients, trials
    from tfedge_tools.benchmarks.fetching.bed import Asked

    logging.getLogger("tuf").setLevel(logging.ERROR)  # it warns of each attack
    absl_logging.set_verbosity(absl_logging.ERROR)
    known = _chosen("trial", _TRIAL.value, trials.known())
    modules = _chosen("client", _CLIENT.value, clients.known())
    console = wide_console.make()
    for name, module in modules.items():
        if module.missing():
            console.print(f"{name} is left out: {module.missing()}", markup=False)
    here = {name: module for name, module in modules.items() if not module.missing()}
    shown, wrong = table.Table("what", "tries", "wrong", "", "CPU seconds"), 0
    for trial in known.values():
        began = _cpu_seconds()
        with tempfile.TemporaryDirectory(prefix="tfedge-") as folder:
            draw = random.Random(_SEED.value)
            for row in trial.run(Asked(pathlib.Path(folder), _TRIES.value, draw, here)):
                seconds = f"{_cpu_seconds() - began:.0f}"
                shown.add_row(row.what, f"{row.tries:,}", f"{row.wrong:,}", row.note, seconds)
                sys.stderr.write(f"{row.what}: {row.wrong} of {row.tries:,} wrong; {row.note}\n")
                wrong += row.wrong
                began = _cpu_seconds()
    console.print(shown, markup=False)
    return entry.BAD_INPUT if wrong else entry.OK


def _chosen(flag: str, names: list[str], known: dict[str, ModuleType]) -> dict[str, ModuleType]:
    """Those of these names, or all.

    Raises:
        BadInput: there is none of a name.
    """
    if names == ["all"]:
        return known
    for name in names:
        if name not in known:
            remedy = settings.nearest(name, known)
            raise errors.BadInput(f"--{flag}={name}", f"there is no such {flag}", remedy)
    return {name: known[name] for name in names}


def _cpu_seconds() -> float:
    """Of this process, and of those that it has started and seen the end of."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    run()
