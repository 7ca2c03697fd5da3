"""The child of same_bytes.py: makes files with the code of one side and writes their sums.

    python -P sums_of_files.py TREE FOLDER

FOLDER/cases.json maps names to scripts of TREE/pipelines with their flags; FOLDER/sums.json gets
the SHA-256 and the size of each one's model.tflite. It imports nothing of the project by itself,
so that it can run any commit's code; all scripts run in this one process, since loading TensorFlow
takes longer than most of them.
"""

import contextlib
import hashlib
import json
import pathlib
import runpy
import sys
import time


def main(tree: pathlib.Path, folder: pathlib.Path) -> None:
    """Runs the scripts one after the other."""
    cases = json.loads((folder / "cases.json").read_text())
    sums = {
        name: _sum(tree, command, folder / str(i))
        for i, (name, command) in enumerate(cases.items())
    }
    (folder / "sums.json").write_text(json.dumps(sums))


def _sum(tree: pathlib.Path, command: list[str], output_dir: pathlib.Path) -> dict[str, str | int]:
    started = time.monotonic()
    script = tree / "pipelines" / command[0]
    sys.argv = [str(script), *command[1:], f"--output_dir={output_dir}"]
    said = output_dir.with_suffix(".log")
    code = None
    with said.open("w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as error:
            code = error.code
        _forget()
    sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {' '.join(command)}\n")
    made = output_dir / "model.tflite"
    if not made.is_file():
        lines = said.read_text().strip().splitlines() or ["nothing was said"]
        return {"error": f"exit code {code}: {lines[-1][:300]}"}
    content = made.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _forget() -> None:
    """Keras numbers layers through a whole process: what ran before must not be in a name."""
    if "tf_keras" in sys.modules:
        sys.modules["tf_keras"].backend.clear_session()
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
