"""Shows whether two states of the code make the same .tflite files, byte by byte.

    python tools/benchmarks/same_bytes.py --before=COMMIT
    python tools/benchmarks/same_bytes.py --before=COMMIT --fast
    python tools/benchmarks/same_bytes.py --before=COMMIT --after=COMMIT --subset='export int8.*'

Each side makes the embedded default release, every named recipe with one epoch a pass, passes
that those leave out, and every export route, on the embedded digits network; COMMIT is checked
out in a temporary folder, --after is this checkout as it stands unless it is named. Both sides run
under the same Python, one after the other, on one thread of TensorFlow. The sums of a commit are
kept in OUTPUT_DIR/COMMIT.json and made only once: they hold for one machine with one set of
libraries, so let those who share a machine share --output_dir. A side takes about five minutes,
with --fast (the export routes and three recipes) one. Only flags of pipelines/ are used, so the
code may be laid out as it likes. Exit code 1 if a file differs or is not made.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping

from absl import flags, logging
from tfedge_pipelines import entry

from tfedge import errors

_FLAGS = flags.FlagValues()
_BEFORE = flags.DEFINE_string("before", None, "The commit to compare with.", flag_values=_FLAGS)
_AFTER = flags.DEFINE_string(
    "after", None, "The commit to compare. Default: this checkout as it stands.", flag_values=_FLAGS
)
_SUBSET = flags.DEFINE_string(
    "subset", ".*", "Regular expression of the whole names to compare.", flag_values=_FLAGS
)
_FAST = flags.DEFINE_boolean(
    "fast", False, "Only what is made in about a minute.", flag_values=_FLAGS
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", "out/same_bytes", "Keeps the sums of commits.", flag_values=_FLAGS
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
_ONE_THREAD = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
_ONE_EPOCH = "--epochs_scale=0.001"  # a pass that trains keeps at least one
_FAST_RECIPES = ("pcqat", "int4", "equalize, correct_bias")
_RECIPES = (
    *("quick", "balanced", "smallest", "fastest", "int4", "pqat", "cqat", "pcqat"),
    *("equalize, correct_bias", "low_rank, quantize", "fixed_point", "ternary", "binary"),
    "prune(sparsity_m_by_n=(2, 4), block_size=(1, 1)), quantize",
    "transfer(width=0.5), quantize",
)
_EXPORTS = (
    *("float32", "float16", "dynamic", "int8", "int16x8", "int4"),
    'int8(input="uint8", output="uint8", raw_input=True)',
    'int8(algorithm="gptq")',
    'int4(activations="float", block_size=32)',
    'int8(precision={"block1_.*": "float32"})',
)
Sums = dict[str, dict[str, str | int]]


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Makes what is missing on both sides and compares; the exit code."""
    if not _BEFORE.value:
        raise errors.BadInput("--before", "missing", "Name the commit to compare with.")
    names = chosen(cases(), _SUBSET.value, _FAST.value)
    folder = pathlib.Path(_OUTPUT_DIR.value).resolve()
    before = _of_commit(_BEFORE.value, names, folder)
    after = _of_commit(_AFTER.value, names, folder) if _AFTER.value else _of_tree(ROOT, names)
    lines, is_same = compare(names, before, after)
    entry.tell("\n".join(lines))
    return entry.OK if is_same else entry.BAD_INPUT


def cases() -> dict[str, list[str]]:
    """Name -> the script of pipelines/ and its flags, all but the folder to write to."""
    made = {"default release": ["release.py"]}
    for text in _EXPORTS:
        made[f"export {text}"] = ["compress.py", "--recipe=", f"--export={text}"]
    for text in _RECIPES:
        made[f"recipe {text}"] = ["compress.py", f"--recipe={text}", _ONE_EPOCH]
    return made


def chosen(all_cases: Mapping[str, list[str]], subset: str, fast: bool) -> dict[str, list[str]]:
    """The cases to run.

    Raises:
        BadInput: `subset` names none, or is no regular expression.
    """
    try:
        pattern = re.compile(subset)
    except re.error as error:
        raise errors.BadInput(
            f"--subset={subset}", str(error), "Write a regular expression."
        ) from error
    quick = {f"recipe {text}" for text in _FAST_RECIPES}
    found = {
        name: command
        for name, command in all_cases.items()
        if pattern.fullmatch(name) and (not fast or name in quick or name.startswith("export "))
    }
    if not found:
        known = ", ".join(all_cases)
        raise errors.BadInput(f"--subset={subset}", "it names nothing", f"There are: {known}.")
    return found


def compare(names: Mapping[str, list[str]], before: Sums, after: Sums) -> tuple[list[str], bool]:
    """A line for each name, and whether all files are the same."""
    width, lines, is_same = max(map(len, names)), [], True
    for name in names:
        old, new = before[name], after[name]
        is_made = "sha256" in old and "sha256" in new
        same = is_made and old == new
        is_same = is_same and same
        word = "same" if same else "DIFFERS" if is_made else "NOT MADE"
        size = f"{new.get('bytes', '')}" if same else f"{_said(old)} -> {_said(new)}"
        lines.append(f"{name:{width}}  {word:8}  {size}")
    return lines, is_same


def _said(row: Mapping[str, str | int]) -> str:
    return f"{row['bytes']} bytes" if "bytes" in row else str(row["error"])


def _of_commit(commit: str, names: Mapping[str, list[str]], folder: pathlib.Path) -> Sums:
    """The sums of a commit, from its file as far as they are there."""
    full = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if not full:
        raise errors.BadInput(f"commit {commit}", "unknown here", "Name one that git log shows.")
    path = folder / f"{full[:12]}.json"
    known: Sums = json.loads(path.read_text())["sums"] if path.is_file() else {}
    missing = {name: command for name, command in names.items() if name not in known}
    if missing:
        with _checkout(full) as tree:
            known |= _of_tree(tree, missing)
        folder.mkdir(parents=True, exist_ok=True)
        made = {name: row for name, row in known.items() if "sha256" in row}
        content = {"schema_version": 1, "commit": full, "sums": made}
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(content, indent=1) + "\n")
        aside.replace(path)
    return known


def _of_tree(tree: pathlib.Path, names: Mapping[str, list[str]]) -> Sums:
    """Makes the files with the code in `tree`."""
    logging.info("%d files by %s", len(names), tree)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for package in ("pipelines", "models"):
            (work / f"tfedge_{package}").symlink_to(tree / package)
        environment = {
            **os.environ,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join((str(work), str(tree))),
            "TFEDGE_STATE_DIR": str(work / "state"),
        }
        program = pathlib.Path(__file__).with_name("sums_of_files.py")
        (work / "cases.json").write_text(json.dumps(names))
        command = [sys.executable, "-P", str(program), str(tree), str(work)]
        if subprocess.run(command, env=environment, check=False, cwd=work).returncode:
            raise errors.BadInput(str(tree), "its code does not run", "See the lines above.")
        return json.loads((work / "sums.json").read_text())


@contextlib.contextmanager
def _checkout(commit: str) -> Iterator[pathlib.Path]:
    """A git worktree of `commit`, as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    run()
