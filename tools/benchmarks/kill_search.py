"""Shows that a search loses no more than the running trial, whenever it is killed.

    python tools/benchmarks/kill_search.py --moments=50
    python tools/benchmarks/kill_search.py --moments=20 -- --budget=30trials --model=... --data=...

Flags of search.py follow two dashes; without them it is the embedded digits and 8 trials. It is run
once without a disturbance. Then it is run into another folder and killed (SIGKILL, with all its
processes) at random moments, until it was killed so often; what ended before its moment is begun
anew. A last run is left alone. Exit code 1 where a finished trial was lost, or the trials or the
released file of the last run are not those of the first.
"""

import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from absl import flags, logging
from tfedge_pipelines import entry

from tfedge import errors

_FLAGS = flags.FlagValues()
_MOMENTS = flags.DEFINE_integer("moments", 50, "How many kills.", 1, flag_values=_FLAGS)
_SEED = flags.DEFINE_integer("seed", 0, "Of the moments.", flag_values=_FLAGS)
_SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "pipelines" / "search.py"
_USUAL = ("--budget=8trials", "--epochs_scale=0.25")
_SAME = ("recipe", "export", "figures", "metric", "slack", "obstacles")


def run() -> None:
    """The program."""
    argv = sys.argv
    split = argv.index("--") if "--" in argv else len(argv)
    given = argv[split + 1 :] or list(_USUAL)
    entry.run(lambda: main(given), _FLAGS, __doc__, argv[:split])


def main(given: Sequence[str]) -> int:
    """Runs it as often as it takes."""
    with tempfile.TemporaryDirectory(prefix="tfedge_kills_") as folder:
        calm, killed = pathlib.Path(folder, "calm"), pathlib.Path(folder, "killed")
        began = time.monotonic()
        _end(_begin(given, calm))
        usual = time.monotonic() - began
        wanted = _result(calm)
        logging.info("undisturbed: %d trials in %.0f s", len(wanted["trials"]), usual)
        lost = _kill_often(given, killed, usual)
        _end(_begin(given, killed))
        found = _result(killed)
    same = found == wanted
    entry.tell(
        f"{_MOMENTS.value} kills, {lost} finished trials lost; the last run's trials and file are "
        f"{'the same' if same else 'others'}"
    )
    return entry.OK if same and not lost else 1


def _kill_often(given: Sequence[str], folder: pathlib.Path, usual: float) -> int:
    """How many trials that were finished when it was killed were gone later."""
    chosen, kills, lost, known = random.Random(_SEED.value), 0, 0, 0
    while kills < _MOMENTS.value:
        running = _begin(given, folder)
        after = chosen.uniform(0, usual)
        try:
            running.wait(after)
            for each in (folder, folder.with_name(f"{folder.name}.search")):
                shutil.rmtree(each, ignore_errors=True)
            known = 0
            continue
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        kills += 1
        now = _finished(folder)
        lost += max(0, known - now)
        known = now
        logging.info("kill %d after %.1f s: %d trials are finished", kills, after, now)
    return lost


def _begin(given: Sequence[str], folder: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, str(_SCRIPT), *given, f"--output_dir={folder}"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def _end(running: subprocess.Popen) -> None:
    code = running.wait()
    if code not in (0, 3, 4):
        raise errors.BadInput("search.py", f"it ended with {code}", "Run it by itself to see why.")


def _finished(folder: pathlib.Path) -> int:
    """Trials in the study that ended, whatever state it is in."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder.with_name(f"{folder.name}.search") / "study.db"
    if not path.exists():
        return 0
    try:
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{path}")
    except KeyError:  # killed before it was in
        return 0
    return sum("measured" in each.user_attrs for each in study.get_trials(deepcopy=False))


def _result(folder: pathlib.Path) -> dict[str, Any]:
    rejected = folder.with_name(f"{folder.name}.rejected")
    where = folder if folder.exists() else rejected
    listing = json.loads((where / "search.json").read_text())
    files = sorted(where.glob("*.tflite"))
    return {
        "trials": [{name: each[name] for name in _SAME} for each in listing["trials"]],
        "files": [hashlib.sha256(each.read_bytes()).hexdigest() for each in files],
    }


if __name__ == "__main__":
    run()
