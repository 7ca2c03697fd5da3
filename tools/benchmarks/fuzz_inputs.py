"""Hands tfedge inputs that no honest program writes: each must be read, or refused in one line.

    python tools/benchmarks/fuzz_inputs.py --count=10000 --output_dir=out/fuzz
    python tools/benchmarks/fuzz_inputs.py --deep --count=300 --output_dir=out/fuzz  # by TensorFlow

Sound profiles, recipes, releases, `.keras`, `.h5`, SavedModels, npz, images, `.tflite` and packed
files are cut, spliced, overwritten and changed in their structure, by the seed alone. Each is read
in a child of its own: at most 500 MB more memory and 20 s, nothing started but tfedge's own sandbox
(which is watched as well), no connection, no code of the input run. Seconds are those of the clock
or of the processor, whichever are fewer, so that a busy machine makes no finding; what takes 120 s
by the clock is ended. Expect 10,000 in about ten minutes and no finding. A finding is kept with
what was said; the exit code is 1 then. `fuzz_evaluate.py` runs damaged files in the interpreter.
"""

import collections
import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

import numpy as np
from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console

from tfedge import errors, progress, settings

_FLAGS = flags.FlagValues()
_COUNT = flags.DEFINE_integer(
    "count", 10_000, "How many inputs, of all kinds; with --deep of each.", 1, flag_values=_FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the changes.", flag_values=_FLAGS)
_KINDS = flags.DEFINE_list("kinds", [], "Only these kinds; default: all.", flag_values=_FLAGS)
_DEEP = flags.DEFINE_boolean(
    "deep", False, "By what hands them on to TensorFlow.", flag_values=_FLAGS
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Gets a folder for each finding.", flag_values=_FLAGS
)


def run() -> None:
    """Prints what became of the inputs; the exit code says whether all were read or refused."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Changes and reads as the flags say."""
    if not _OUTPUT_DIR.value:
        raise errors.BadInput("--output_dir", "missing", "Name a folder for findings.")
    from tfedge_tools.benchmarks.fuzzing import targets, trial

    trial.import_all()
    unknown = set(_KINDS.value) - set(targets.TARGETS)
    if unknown:
        remedy = settings.nearest(min(unknown), list(targets.TARGETS))
        raise errors.BadInput("--kinds", f"there is no {min(unknown)!r}", remedy)
    chosen = [t for name, t in targets.TARGETS.items() if not _KINDS.value or name in _KINDS.value]
    if _DEEP.value:
        chosen = [target for target in chosen if target.deep]
    each = _COUNT.value if _DEEP.value else -(-_COUNT.value // len(chosen))
    rows, findings = {}, 0
    for target in chosen:
        rows[target.name] = _Row.of(list(_outcomes(target, each)))
        findings += rows[target.name].findings
    _show(rows)
    return int(findings > 0)


def _outcomes(target, count: int) -> Iterator:
    """The outcome of each changed input of a kind."""
    from tfedge_tools.benchmarks.fuzzing import trial

    made = (_DEEP.value and target.deep_seeds) or target.seeds
    sound, around = trial.apart(made, target.around)
    seeds = list(sound.items())
    with _quiet(), progress.bar(target.name, count) as advance:
        for name, content in seeds:
            outcome = _tried(target, {**around, name: content}, name)
            if outcome.word != "read":
                raise RuntimeError(f"the sound {name} is {outcome.word}: {outcome.said}")
        for number in range(count):
            random = np.random.default_rng((_SEED.value, number))
            name, content = seeds[number % len(seeds)]
            changed = target.ways[random.integers(len(target.ways))](content, random)
            outcome = _tried(target, {**around, name: changed}, name)
            if outcome.word not in trial.FINE:
                _keep(target.name, number, name, changed, outcome)
            advance(1)
            yield outcome


def _tried(target, files: Mapping[str, bytes], name: str):
    """The outcome of one input among its files."""
    from tfedge_tools.benchmarks.fuzzing import trial

    read = target.deep if _DEEP.value else target.read
    with tempfile.TemporaryDirectory(prefix="tfedge_fuzz_") as folder:
        root = pathlib.Path(folder)
        path = _laid_out(root, files, name)
        with contextlib.chdir(root):
            return trial.run(lambda: read(path), root)


def _laid_out(root: pathlib.Path, files: Mapping[str, bytes], name: str) -> pathlib.Path:
    from tfedge_tools.benchmarks.fuzzing import targets, trial

    payload = f"import pathlib\npathlib.Path({str(root / trial.CANARY)!r}).touch()\n"
    for each, content in {**files, targets.CODE: payload.encode()}.items():
        (root / each).parent.mkdir(parents=True, exist_ok=True)
        (root / each).write_bytes(content)
    return root / name


def _keep(kind: str, number: int, name: str, content: bytes, outcome) -> None:
    deep = "deep-" if _DEEP.value else ""
    folder = pathlib.Path(_OUTPUT_DIR.value) / f"{deep}{kind}-{_SEED.value}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / pathlib.PurePath(name).name).write_bytes(content)
    figures = f"{outcome.word}, {outcome.seconds:.1f} s, {outcome.more_bytes:,} bytes more"
    said = f"{figures}\n{outcome.said}\n"
    (folder / "said.txt").write_text(said, encoding="utf-8", errors="backslashreplace")


class _Row:
    """The outcomes of one kind in figures."""

    def __init__(self, words: Mapping[str, int], seconds: float, more_bytes: int, findings: int):
        self.words, self.seconds, self.more_bytes = words, seconds, more_bytes
        self.findings = findings

    @classmethod
    def of(cls, outcomes: list) -> "_Row":
        """Of all its outcomes."""
        from tfedge_tools.benchmarks.fuzzing import trial

        words = collections.Counter(each.word for each in outcomes)
        return cls(
            words,
            max(each.seconds for each in outcomes),
            max(each.more_bytes for each in outcomes),
            sum(count for word, count in words.items() if word not in trial.FINE),
        )


def _show(rows: Mapping[str, _Row]) -> None:
    from rich import table

    shown = table.Table(
        "kind", "inputs", "read", "refused", "findings", "longest", "most memory",
        title=f"seed {_SEED.value}",
    )  # fmt: skip
    for name, row in rows.items():
        total = sum(row.words.values())
        bad = ", ".join(f"{w} {n}" for w, n in row.words.items() if w not in ("read", "refused"))
        counts = (f"{row.words.get(word, 0):,}" for word in ("read", "refused"))
        figures = f"{row.seconds:.1f} s", f"{row.more_bytes / 2**20:.0f} MB"
        shown.add_row(name, f"{total:,}", *counts, bad or "0", *figures)
    wide_console.make().print(shown, markup=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Readers log what they find; here that is thousands of lines."""
    from absl import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


if __name__ == "__main__":
    run()
