"""Python with MediaPipe, apart from this one: its pin of absl-py does not go with TFMOT's."""

import json
import pathlib
import subprocess
import sys
import tempfile
import venv

import numpy as np
from tfedge_tools import cache_folder

from tfedge import errors

VERSION = "1.2.2"
_PACKAGE = f"mediapipe=={VERSION}"
_PROGRAM = pathlib.Path(__file__).with_name("program.py")
_SECONDS = 600


def set_up() -> pathlib.Path:
    """The environment's Python, made at the first call: 400 MB, about a minute.

    Raises:
        BadInput: it cannot be had here.
    """
    name = f"mediapipe-{VERSION}-python{sys.version_info[0]}.{sys.version_info[1]}"
    made = cache_folder.made_once(cache_folder.folder(name), f"installing {_PACKAGE}", _make)
    return _python(made)


def classified(
    python: pathlib.Path, content: bytes, images: np.ndarray
) -> list[tuple[int, str | None]]:
    """What the ImageClassifier says: the class and its name, for each picture.

    Args:
        python: of `set_up`.
        content: a .tflite.
        images: (n, height, width, 3) uint8.

    Raises:
        BadInput: it refuses the file, or crashes.
    """
    with tempfile.TemporaryDirectory() as folder:
        model, pictures = pathlib.Path(folder, "model.tflite"), pathlib.Path(folder, "x.npy")
        model.write_bytes(content)
        np.save(pictures, images)
        ran = _run([str(python), str(_PROGRAM), str(model), str(pictures)])
    if ran.returncode:
        cause = f"it ended with {ran.returncode}: {_last_line(ran.stderr)}"
        raise errors.BadInput(f"MediaPipe {VERSION}", cause, "Export with metadata=True.")
    return [(index, name) for index, name in json.loads(ran.stdout)]


def _make(folder: pathlib.Path) -> None:
    venv.create(folder, with_pip=True)
    asked = ["install", "--quiet", "--disable-pip-version-check", _PACKAGE]
    ran = _run([str(_python(folder)), "-m", "pip", *asked])
    if ran.returncode:
        cause = f"pip cannot install it here: {_last_line(ran.stderr)}"
        raise errors.BadInput(_PACKAGE, cause, "Try where the package index can be reached.")


def _python(folder: pathlib.Path) -> pathlib.Path:
    return folder / "bin" / "python"


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)


def _last_line(said: str) -> str:
    return ([line.strip() for line in said.splitlines() if line.strip()] or ["nothing said"])[-1]
