"""Changes the code a little, many times, and says which changes no test notices.

    python -m pytest --cov=tfedge --cov-context=test --junitxml=tests.xml
    python tools/benchmarks/mutants.py --paths=tfedge/data --count=50 --output_dir=out/mutants

The first command measures once which test runs which line; tests written later are measured the
same way and named beside it (--coverage=.coverage,.coverage.later --tests=tests.xml,later.xml).
Each change is then tried with the tests that run it: those of the file's own test file first, then
the quickest. The test that notices a change must pass without it, else it is left out, which is
said. A change that no test notices is either a missing test or changes nothing that counts: read
it. Over tfedge/, at least 92 of 100 are expected to be noticed.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from absl import flags, logging
from tfedge_pipelines import entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.mutation import changes, covering

from tfedge import errors, progress

_PATIENCE = 3  # times as long as measured, of the processor: others may use it, too
ROOT = pathlib.Path(__file__).resolve().parents[2]
_INSTALLED = ("models", "pipelines", "tools")  # folders that are packages of another name
_FLAGS = flags.FlagValues()
_PATHS = flags.DEFINE_list(
    "paths", ["tfedge"], "Files and folders to change, from the project.", flag_values=_FLAGS
)
_COUNT = flags.DEFINE_integer("count", 200, "How many changes.", 1, flag_values=_FLAGS)
_SEED = flags.DEFINE_integer("seed", 0, "Draws them.", flag_values=_FLAGS)
_JOBS = flags.DEFINE_integer("jobs", 1, "How many at a time.", 1, flag_values=_FLAGS)
_SECONDS = flags.DEFINE_float(
    "seconds", 60, "Of tests for one change, as measured; one that they take three times as "
    "long with was noticed.", 1, flag_values=_FLAGS,
)  # fmt: skip
_COVERAGE = flags.DEFINE_list(
    "coverage", [".coverage"], "Files that --cov-context=test wrote.", flag_values=_FLAGS
)
_TESTS = flags.DEFINE_list(
    "tests", ["tests.xml"], "Files that --junitxml wrote.", flag_values=_FLAGS
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Gets mutants.json, where given.", flag_values=_FLAGS
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one change: "killed", "timeout", "survived" or "no test"; by which test."""

    change: changes.Change
    outcome: str
    by: str | None = None

    @property
    def is_noticed(self) -> bool:
        """Whether a test failed or never ended."""
        return self.outcome in ("killed", "timeout")


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Draws, tries, tells."""
    known = covering.read(
        [ROOT / each for each in _COVERAGE.value], [ROOT / each for each in _TESTS.value]
    )
    drawn = _draw([path for each in _PATHS.value for path in _files(each)])
    results: list[Result] = []
    for result in _try_all(drawn, known):
        results.append(result)
        if _OUTPUT_DIR.value:
            _write(results, pathlib.Path(_OUTPUT_DIR.value))
    _show(results)
    return entry.OK


def _write(results: Sequence[Result], folder: pathlib.Path) -> None:
    """What is known so far: hours of work are not lost with the last change."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {**dataclasses.asdict(each.change), "outcome": each.outcome, "by": each.by}
        for each in results
    ]
    content = {"schema_version": 1, "seed": _SEED.value, "mutants": rows}
    (folder / "mutants.json").write_text(json.dumps(content, indent=1) + "\n")


def _files(path: str) -> list[pathlib.Path]:
    whole = ROOT / path
    found = sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]
    if not found or not all(each.is_file() for each in found):
        raise errors.BadInput(f"--paths={path}", "no Python file there", "Name code of tfedge.")
    return found


def _draw(files: Sequence[pathlib.Path]) -> list[changes.Change]:
    """Each change with the same chance, whatever its file."""
    found = []
    for path in files:
        source = path.read_text(encoding="utf-8")
        found += changes.of(str(path.relative_to(ROOT)), source)
    return random.Random(_SEED.value).sample(found, min(_COUNT.value, len(found)))


def _try_all(drawn: Sequence[changes.Change], known: covering.Covering) -> Iterator[Result]:
    with contextlib.ExitStack() as stack:
        free: queue.Queue[subprocess.Popen] = queue.Queue()
        for _ in range(_JOBS.value):
            free.put(stack.enter_context(_worker()))
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(_JOBS.value))
        advance = stack.enter_context(progress.bar("changes", len(drawn)))
        controls = _Controls()

        def one(change: changes.Change) -> Result:
            tests = known.tests(change, _SECONDS.value)
            worker = free.get()
            try:
                return _try(worker, change, tests, controls)
            finally:
                free.put(worker)

        asked = [pool.submit(one, change) for change in drawn]
        try:
            for each in concurrent.futures.as_completed(asked):  # one that hangs holds up no other
                yield each.result()
                advance(1)
        finally:
            for each in asked:
                each.cancel()


@contextlib.contextmanager
def _worker() -> Iterator[subprocess.Popen]:
    """A process with a copy of the project of its own."""
    with tempfile.TemporaryDirectory(prefix="tfedge_mutants_") as folder:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
        for name in listed.stdout.decode().splitlines():
            target = pathlib.Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
        for name in _INSTALLED:  # the copy goes before what is installed
            pathlib.Path(folder, f"tfedge_{name}").symlink_to(name)
        program = ROOT / "tools" / "benchmarks" / "mutation" / "worker.py"
        command = [sys.executable, str(program), folder, str(_PATIENCE * _SECONDS.value)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        ) as process:  # fmt: skip
            yield process
            assert process.stdin is not None
            process.stdin.close()


class _Controls:
    """Which tests pass without a change: one that fails anyhow would notice everything."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self._passing: set[str] = set()

    def is_sound(self, worker: subprocess.Popen, change: changes.Change, test: str) -> bool:
        """Whether a test that has noticed a change passes without it."""
        if test not in self._passing:
            source = (ROOT / change.file).read_text(encoding="utf-8")
            outcome, _ = _ask(worker, change.file, source, [test])
            if outcome != "survived":
                logging.warning("%s fails without a change (%s): it is left out", test, outcome)
                self.failing.add(test)
                return False
            self._passing.add(test)
        return True


def _try(
    worker: subprocess.Popen, change: changes.Change, tests: Sequence[str], controls: _Controls
) -> Result:
    changed = change.apply((ROOT / change.file).read_text(encoding="utf-8"))
    left = [each for each in tests if each not in controls.failing]
    while left:
        outcome, by = _ask(worker, change.file, changed, left)
        if outcome != "killed" or controls.is_sound(worker, change, by if by in left else left[0]):
            return Result(change, outcome, by)
        left = [each for each in left if each not in controls.failing]
    return Result(change, "no test")


def _ask(
    worker: subprocess.Popen, file: str, source: str, tests: Sequence[str]
) -> tuple[str, str | None]:
    assert worker.stdin is not None and worker.stdout is not None
    asked = {"file": file, "source": source, "tests": list(tests)}
    worker.stdin.write(json.dumps(asked) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError("the process that runs the tests ended")
    answer = json.loads(line)
    return answer["outcome"], answer["by"]


def _show(results: Sequence[Result]) -> None:
    from rich import table

    screen = wide_console.make()
    missed = table.Table(
        "file", "line", "before", "after", "", title="changes that no test notices"
    )
    for each in results:
        if not each.is_noticed:
            change = each.change
            where = change.file, str(change.lines[0]), change.before, change.after, each.outcome
            missed.add_row(*where)
    rooms: dict[str, list[bool]] = collections.defaultdict(list)
    for each in results:
        rooms["/".join(pathlib.Path(each.change.file).parts[:2])].append(each.is_noticed)
        rooms["all"].append(each.is_noticed)
    counts = table.Table("room", "changes", "noticed", "share")
    for room, noticed in sorted(rooms.items(), key=lambda pair: (pair[0] == "all", pair[0])):
        share = sum(noticed) / len(noticed)
        counts.add_row(room, str(len(noticed)), str(sum(noticed)), f"{share:.0%}")
    screen.print(missed, counts, markup=False)


if __name__ == "__main__":
    run()
