"""Breaks fetches in every way, and shows that nothing is lost, mixed or fetched twice.

    python tools/benchmarks/fetch_trials.py --trial=cuts
    python tools/benchmarks/fetch_trials.py --trial=crowd --tries=1000

cuts: the connection breaks at every byte; flips: every bit of what comes is another one; kills:
kill -9 at random moments; disk: every call that writes fails; crowd: many installations behind a
lossy network. A repository of two versions is published into a temporary folder and served here.
Exit code 1 if one of them did not end as it has to.
"""

import logging
import pathlib
import random
import tempfile
import time

from absl import flags
from absl import logging as absl_logging
from tfedge_pipelines import entry
from tfedge_tools import wide_console

from tfedge import errors, settings

_FLAGS = flags.FlagValues()
_TRIAL = flags.DEFINE_list("trial", ["all"], "Which; separated by commas.", flag_values=_FLAGS)
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
    from tfedge_tools.benchmarks.fetching import trials

    logging.getLogger("tuf").setLevel(logging.ERROR)  # it warns of each attack
    absl_logging.set_verbosity(absl_logging.ERROR)
    known = trials.known()
    names = list(known) if _TRIAL.value == ["all"] else _TRIAL.value
    for name in names:
        if name not in known:
            remedy = settings.nearest(name, known)
            raise errors.BadInput(f"--trial={name}", "there is no such trial", remedy)
    shown = table.Table("what", "tries", "wrong", "", "seconds")
    wrong = 0
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tfedge-") as folder:
            draw = random.Random(_SEED.value)
            for row in known[name].run(pathlib.Path(folder), _TRIES.value, draw):
                seconds = time.monotonic() - began
                shown.add_row(
                    row.what, f"{row.tries:,}", f"{row.wrong:,}", row.note, f"{seconds:.0f}"
                )
                wrong += row.wrong
                began = time.monotonic()
    wide_console.make().print(shown, markup=False)
    return entry.BAD_INPUT if wrong else entry.OK


if __name__ == "__main__":
    run()
