"""Changes the code a little, many times, and says which changes no test notices.

    python -m pytest --cov=tfedge --cov-context=test --junitxml=tests.xml
    python tools/benchmarks/mutants.py --paths=tfedge/data --count=50 --output_dir=out/mutants

The first command measures once which test runs which line; each change is then tried with the
tests that run it, the quickest first. A change that no test notices is either a missing test or
changes nothing that counts: read it. Over tfedge/, at least 92 of 100 are expected to be noticed.
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

from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.mutation import changes, covering

from tfedge import errors, progress

_CONTROL_EVERY = 20
_PATIENCE = 5  # times as long as measured: the machine may have other work
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
    "seconds", 60, "Of tests for one change, as measured; one that they take five times as "
    "long with was noticed.", 1, flag_values=_FLAGS,
)  # fmt: skip
_COVERAGE = flags.DEFINE_string(
    "coverage", ".coverage", "What --cov-context=test wrote.", flag_values=_FLAGS
)
_TESTS = flags.DEFINE_string("tests", "tests.xml", "What --junitxml wrote.", flag_values=_FLAGS)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Gets mutants.json, where given.", flag_values=_FLAGS
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one change: "killed", "timeout", "survived" or "no test"."""

    change: changes.Change
    outcome: str

    @property
    def is_noticed(self) -> bool:
        """Whether a test failed or never ended."""
        return self.outcome in ("killed", "timeout")


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Draws, tries, tells."""
    known = covering.read(ROOT, ROOT / _COVERAGE.value, ROOT / _TESTS.value)
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
    rows = [{**dataclasses.asdict(each.change), "outcome": each.outcome} for each in results]
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

        def one(number: int) -> Result:
            change = drawn[number]
            tests = known.tests(change, _SECONDS.value)
            if not tests:
                return Result(change, "no test")
            worker = free.get()
            try:
                if number % _CONTROL_EVERY == 0:
                    _check_unchanged(worker, change, tests)
                return Result(change, _ask(worker, change.file, _changed(change), tests))
            finally:
                free.put(worker)

        for result in pool.map(one, range(len(drawn))):
            yield result
            advance(1)


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


def _changed(change: changes.Change) -> str:
    return change.apply((ROOT / change.file).read_text(encoding="utf-8"))


def _check_unchanged(
    worker: subprocess.Popen, change: changes.Change, tests: Sequence[str]
) -> None:
    """Tests that fail anyhow would notice everything."""
    source = (ROOT / change.file).read_text(encoding="utf-8")
    outcome = _ask(worker, change.file, source, tests)
    if outcome != "survived":
        words = "take too long" if outcome == "timeout" else "fail"
        raise errors.BadInput(
            f"{len(tests)} tests of {change.file}",
            f"they {words} without a change ({tests[0]}, ...)",
            "Make all tests pass first, on a machine with little other work.",
        )


def _ask(worker: subprocess.Popen, file: str, source: str, tests: Sequence[str]) -> str:
    assert worker.stdin is not None and worker.stdout is not None
    asked = {"file": file, "source": source, "tests": list(tests)}
    worker.stdin.write(json.dumps(asked) + "\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError("the process that runs the tests ended")
    return str(json.loads(answer)["outcome"])


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
