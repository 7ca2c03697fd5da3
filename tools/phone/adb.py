"""Measures on a phone that is connected by adb, with benchmark_model.

The model, and the program if it is given, are put into a folder of this run under
/data/local/tmp, which is removed afterwards whatever happens.
"""

import pathlib
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile

from tfedge_tools.phone import benchmark_model_output

from tfedge import errors
from tfedge.device import phone_results

_ON_PHONE = "/data/local/tmp"
_PROGRAM = "benchmark_model"
_SECONDS = 600
_REMEDY = "Connect one phone, allow USB debugging on it, and try `adb devices`."


def measure(
    model: bytes, threads: int, program: str | None, device: str | None
) -> phone_results.Measured:
    """Runs the model on the connected phone.

    Args:
        model: the file.
        threads: of the interpreter.
        program: benchmark_model for the phone's processor; None for the one in /data/local/tmp.
        device: the phone's name; None asks it.

    Raises:
        BadInput: no adb, no phone, no benchmark_model, or it does not run there.
    """
    if shutil.which("adb") is None:
        raise errors.BadInput("--adb", "no adb here", "Install Android's platform tools.")
    if program and not pathlib.Path(program).is_file():
        raise errors.BadInput(f"--benchmark_model={program}", "no such file", "Name the program.")
    name = device or _name()
    folder = f"{_ON_PHONE}/tfedge-{secrets.token_hex(8)}"
    _shell("mkdir", folder)
    try:
        text = _run(model, threads, program, folder)
    finally:
        _adb("shell", shlex.join(["rm", "-rf", folder]), check=False)
    return benchmark_model_output.read(text, name, len(model), "--adb")


def _run(model: bytes, threads: int, program: str | None, folder: str) -> str:
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(model)
        file.flush()
        _adb("push", file.name, f"{folder}/model.tflite")
    tool = f"{_ON_PHONE}/{_PROGRAM}"
    if program:
        tool = f"{folder}/{_PROGRAM}"
        _adb("push", program, tool)
        _shell("chmod", "755", tool)
    elif "yes" not in _adb("shell", f"test -x {tool} && echo yes", check=False):
        raise errors.BadInput(
            "--adb",
            f"no {tool} on the phone",
            "Name one for its processor with --benchmark_model=FILE; LiteRT's site offers builds.",
        )
    command = [tool, f"--graph={folder}/model.tflite", f"--num_threads={threads}"]
    return _adb("shell", f"{shlex.join(command)} 2>&1")


def _name() -> str:
    """Maker, model, chip and Android version, as the phone's properties tell them."""
    maker, model, chip, version = (
        _adb("shell", f"getprop {each}").strip()
        for each in (
            "ro.product.manufacturer",
            "ro.product.model",
            "ro.soc.model",
            "ro.build.version.release",
        )
    )
    parts = [f"{maker} {model}".strip() or "unknown phone", chip, version and f"Android {version}"]
    return re.sub(r"[^\w .,()+-]", "", ", ".join(part for part in parts if part))


def _shell(*command: str) -> str:
    return _adb("shell", shlex.join(command))


def _adb(*arguments: str, check: bool = True) -> str:
    """What adb printed."""
    try:
        done = subprocess.run(
            ["adb", *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise errors.BadInput("--adb", f"adb does not answer ({e})", _REMEDY) from e
    if check and done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        cause = said[-1] if said else f"exit code {done.returncode}"
        raise errors.BadInput("--adb", f"adb {arguments[0]}: {cause[:200]}", _REMEDY)
    return done.stdout
