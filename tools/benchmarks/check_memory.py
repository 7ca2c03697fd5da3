"""Compares the memory that is planned from a .tflite with what the runtime really takes.

    python tools/benchmarks/check_memory.py tests/device/networks/*.xz [FILE.tflite ...] [--json]

For each file: the arena of the built-in kernels, planned and as the runtime laid it out (read from
the addresses of its tensors), and what the process grew by with these kernels, which is the arena
and their own books; then what it grew by with the XNNPACK delegate, next to its estimate. Neither
growth counts the file and the library. Expect equal arenas and estimates within a fifth. Exit
code 1 if an arena differs by more than 5 %. Linux only: the growth is read from /proc.
"""

import dataclasses
import json
import lzma
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Any

from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console

from tfedge import errors

_FLAGS = flags.FlagValues()
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of a table.", flag_values=_FLAGS)
_ONE = flags.DEFINE_string("one", None, "Used by the program itself.", flag_values=_FLAGS)
_FILES = flags.DEFINE_list("files", [], "Also without this flag.", flag_values=_FLAGS)
_ACCEPTED = 0.05
_TRIALS = 3
_ALIGNMENT_BYTES = 64


def run() -> None:
    """Takes the files' names with or without their flag."""
    named = [a for a in sys.argv[1:] if not a.startswith("-")]
    others = [a for a in sys.argv[1:] if a.startswith("-")]
    given = [f"--files={','.join(named)}"] if named else []
    entry.run(main, _FLAGS, __doc__, [sys.argv[0], *others, *given])


def main() -> int:
    """Prints a row for each file; the exit code."""
    if _ONE.value:
        sys.stdout.write(json.dumps(_measured(pathlib.Path(_ONE.value))) + "\n")
        return 0
    if not _FILES.value:
        raise errors.BadInput("files", "none named", "Name .tflite or .tflite.xz files.")
    rows = [row(pathlib.Path(name)) for name in _FILES.value]
    if _JSON.value:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        _show(rows)
    return int(any(abs(each["arena_difference"]) > _ACCEPTED for each in rows))


def row(path: pathlib.Path) -> dict[str, Any]:
    """Planned and real bytes of one file; the model runs in a process of its own."""
    from tfedge.device import footprint
    from tfedge.device.file import tflite
    from tfedge.device.footprint import arena

    with tempfile.TemporaryDirectory() as folder:
        if path.suffix == ".xz":
            plain = pathlib.Path(folder) / "model.tflite"
            plain.write_bytes(lzma.decompress(path.read_bytes()))
        else:
            plain = path
        file = tflite.read(plain.read_bytes(), str(path))
        command = [sys.executable, __file__, f"--one={plain}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.BadInput(str(path), "the runtime did not take it", done.stderr[-300:])
    real, planned = json.loads(done.stdout), arena.plan(file).activations
    return {
        "file": path.name,
        "arena_planned": planned,
        "arena_real": real["arena"],
        "arena_difference": planned / real["arena"] - 1,
        "builtin_grown": real["builtin_grown"],
        "xnnpack_grown": real["xnnpack_grown"],
        **dataclasses.asdict(footprint.of(file)),
    }


def _measured(path: pathlib.Path) -> dict[str, int]:
    from tfedge.device.file import tflite

    tflite.runtime()
    kept: list[Any] = []  # what an interpreter gives back would be used again by the next one

    def grown(delegate: bool) -> int:
        before = _anonymous_bytes()
        interpreter = tflite.interpreter(path, 1, delegate)
        interpreter.allocate_tensors()
        interpreter.invoke()
        kept.append(interpreter)
        return _anonymous_bytes() - before

    # The first may live on memory that loading the runtime gave back: the most is the truth.
    return {
        "xnnpack_grown": max(grown(delegate=True) for _ in range(_TRIALS)),
        "builtin_grown": max(grown(delegate=False) for _ in range(_TRIALS)),
        "arena": runtime_arena_bytes(path),
    }


def runtime_arena_bytes(path: pathlib.Path) -> int:
    """The extent of the tensors in the interpreter's arena, by their addresses.

    The runtime puts every tensor at the end of another one or at the start, so the arena is what
    lies without a gap behind the file's own activations; temporaries kept for good lie elsewhere.
    """
    from tfedge.device.file import tflite
    from tfedge.device.footprint import arena

    interpreter = tflite.interpreter(path, 1, delegate=False)
    interpreter.allocate_tensors()
    file = tflite.read(path.read_bytes())
    lasting = arena.Subgraph.of(file, 0).persistent
    count = len(file.subgraphs[0].tensors)
    spans = {i: _span(interpreter, i) for i in range(interpreter._interpreter.NumTensors(0))}
    own = [
        span
        for i, span in spans.items()
        if span and i < count and i not in lasting and not file.tensors[i].is_constant
    ]
    start, end = min(s for s, _ in own), max(e for _, e in own)
    for first, last in sorted(span for i, span in spans.items() if span and i >= count):
        if start <= first < end + _ALIGNMENT_BYTES:
            end = max(end, last)
    return end - start


def _span(interpreter: Any, index: int) -> tuple[int, int] | None:
    """First and last address of a tensor; None where it has no memory."""
    try:
        interpreter._interpreter.TensorSize(index, 0)
        array = interpreter.tensor(index)()
    except ValueError:  # a temporary that was not needed
        return None
    address = array.__array_interface__["data"][0]
    return (address, address + array.nbytes) if array.nbytes else None


def _anonymous_bytes() -> int:
    """What this process has allocated and touched; mapped files do not count."""
    found = re.search(r"Anonymous:\s+(\d+)", pathlib.Path("/proc/self/smaps_rollup").read_text())
    return int(found[1]) * 1024 if found else 0


def _show(rows: list[dict[str, Any]]) -> None:
    from rich import table

    shown = table.Table(
        *("file", "arena planned", "arena real", "difference", "process grown"),
        *("XNNPACK estimated", "really grown", "difference", "an app must have free"),
    )
    for each in rows:
        estimate, grown = each["xnnpack_bytes_estimate"], each["xnnpack_grown"]
        shown.add_row(
            each["file"],
            *(f"{each['arena_planned']:,}", f"{each['arena_real']:,}"),
            *(f"{each['arena_difference']:+.2%}", f"{each['builtin_grown']:,}"),
            *(f"{estimate:,}", f"{grown:,}"),
            *(f"{estimate / max(1, grown) - 1:+.1%}", f"{each['app_free_bytes_estimate']:,}"),
        )
    wide_console.make().print(shown)


if __name__ == "__main__":
    run()
