"""Shows that Ctrl-C ends a release at once in every phase, and that the next run makes the same.

    python tools/benchmarks/interrupt.py --moments=20
    python tools/benchmarks/interrupt.py --moments=20 -- --model=FILE --data=SOURCE --recipe=...

Flags of release.py follow two dashes; without them it is the embedded default. It is run once
without a disturbance. Then runs into another folder get Ctrl-C, as a terminal sends it, each at a
random moment of the time that the first one took, and go on from what the one before has left. A
run that comes to its end before its moment is compared and the folder begun anew; a last one is
left alone and compared. Prints for each moment what was being done, the seconds until the process
had ended, its exit code, and how many processes of it were left. Exit code 1 if one took more than
2 s, did not end with 130, said something else of it than the one line, or left a process, or if a
model.tflite differs. Linux only: what is left is read from /proc.
"""

import dataclasses
import hashlib
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

import tfedge_pipelines
from absl import flags, logging
from tfedge_pipelines import entry
from tfedge_tools.benchmarks import silence

from tfedge import errors

_FLAGS = flags.FlagValues()
_MOMENTS = flags.DEFINE_integer(
    "moments", 20, "How many times to interrupt.", lower_bound=1, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the moments.", flag_values=_FLAGS)

_SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "pipelines" / "release.py"
_ACCEPTED_SECONDS = 2.0
_INTERRUPTED = (130, -signal.SIGINT)  # which a shell calls 130 too: Python has hardly started


@dataclasses.dataclass(frozen=True)
class Ended:
    """A run that was interrupted.

    Attributes:
        after: seconds from its start to Ctrl-C.
        doing: the last thing it had said by then.
        seconds: from Ctrl-C to its end.
        code: its exit code.
        left: processes of it that were there half a second later.
        said: the last thing it said.
    """

    after: float
    doing: str
    seconds: float
    code: int
    left: int
    said: str

    @property
    def is_good(self) -> bool:
        """As it has to be."""
        is_told = self.code != 130 or self.said == tfedge_pipelines.WHEN_INTERRUPTED
        ended = self.seconds <= _ACCEPTED_SECONDS and self.code in _INTERRUPTED
        return ended and is_told and not self.left


def run() -> None:
    """Flags of the release follow two dashes."""
    own, release = silence.at_dashes(sys.argv)
    entry.run(lambda: main(release), _FLAGS, __doc__, own)


def main(release: Sequence[str]) -> int:
    """Runs and interrupts it; the exit code."""
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="interrupt_") as temporary:
        trial = Trial(pathlib.Path(temporary), release)
        started = time.monotonic()
        wanted = trial.whole("undisturbed")
        seconds = time.monotonic() - started
        entry.tell(f"undisturbed: {seconds:.0f} s, model.tflite {wanted[:16]}")
        draws = random.Random(_SEED.value)
        found: list[Ended] = []
        made: list[str] = []
        while len(found) < _MOMENTS.value:
            ended = trial.interrupted(draws.uniform(0, seconds))
            if ended is None:
                made.append(trial.made("interrupted"))
                entry.tell(f"model.tflite {made[-1][:16]}")
                shutil.rmtree(trial.folder("interrupted"))
                continue
            found.append(ended)
            entry.tell(
                f"{ended.after:6.1f} s  ended after {ended.seconds:.2f} s with {ended.code},"
                f" {ended.left} left  {ended.doing[:80]}"
            )
        made.append(trial.whole("interrupted"))
    good, same = sum(each.is_good for each in found), made.count(wanted)
    entry.tell(
        f"{good} of {len(found)} moments as they have to be, the longest"
        f" {max(each.seconds for each in found):.2f} s; {same} of {len(made)} files the same"
    )
    return int(same < len(made) or good < len(found))


class Trial:
    """Runs of one release into folders of one place."""

    def __init__(self, place: pathlib.Path, release: Sequence[str]):
        """Nothing is run yet."""
        self._place, self._release = place, release
        (place / "tmp").mkdir()
        self._environment = {
            **os.environ,
            "TMPDIR": str(place / "tmp"),
            "TFEDGE_STATE_DIR": str(place / "state"),
        }

    def folder(self, name: str) -> pathlib.Path:
        """Where a release goes to."""
        return self._place / name

    def made(self, name: str) -> str:
        """SHA-256 of the model of a release."""
        return hashlib.sha256(self._model(name).read_bytes()).hexdigest()

    def whole(self, name: str) -> str:
        """A run to its end; SHA-256 of the model.

        Raises:
            BadInput: it does not end with a release.
        """
        process = self._start(name)
        if process.wait():
            raise errors.BadInput("release.py", self._last(), "Give flags of a model that passes.")
        return self.made(name)

    def interrupted(self, after: float) -> Ended | None:
        """A run that gets Ctrl-C so many seconds after its start; None if it has ended by then."""
        process = self._start("interrupted")
        try:
            code = process.wait(after)
        except subprocess.TimeoutExpired:
            doing, sent = self._last(), time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait()
            seconds = time.monotonic() - sent
            if not code and seconds <= _ACCEPTED_SECONDS and self._model("interrupted").exists():
                return None  # it was over as the signal came
            time.sleep(0.5)
            return Ended(after, doing, seconds, code, self._left(), self._last())
        if code:
            raise errors.BadInput("release.py", self._last(), "It ended so when it went on.")
        return None

    def _model(self, name: str) -> pathlib.Path:
        return self.folder(name) / "model.tflite"

    def _start(self, name: str) -> subprocess.Popen:
        # What runs in the background of a script ignores Ctrl-C, and so does what it starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        command = [sys.executable, str(_SCRIPT), *self._release]
        with (self._place / "said").open("w") as said:
            return subprocess.Popen(
                [*command, f"--output_dir={self.folder(name)}"],
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=self._environment,
                start_new_session=True,
            )

    def _last(self) -> str:
        lines = (self._place / "said").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "starting"

    def _left(self) -> int:
        """Processes, of whatever session, whose temporary files are below ours."""
        ours, count = f"TMPDIR={self._place}".encode(), 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                count += ours in (process / "environ").read_bytes()
            except OSError as error:
                logging.debug("%s: %s", process, error)  # ended meanwhile, or another user's
        return count


if __name__ == "__main__":
    run()
