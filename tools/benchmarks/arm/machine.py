"""An arm64 Linux in a folder, with Python and LiteRT, and the emulator that runs it."""

import dataclasses
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

from tfedge_tools import cache_folder
from tfedge_tools.benchmarks.arm import cores, debian

from tfedge import errors

_PYTHON = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
_WHEELS = ("ai-edge-litert", "numpy")
_GLIBC_WHEELS = tuple(f"manylinux_2_{minor}_aarch64" for minor in (28, 27, 24, 17))
_EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")  # Debian 12's static one, Debian 13's


@dataclasses.dataclass(frozen=True)
class Machine:
    """A folder that `set_up` has filled."""

    folder: pathlib.Path

    def command(self, core: cores.Core, *arguments: str) -> list[str]:
        """What runs Python with these arguments on that core."""
        emulator = self.folder / "emulator"
        root = self.folder / "root"
        python = next((root / "usr" / "bin").glob("python3.*"))
        variables = {
            "PYTHONHOME": root / "usr",
            "PYTHONPATH": self.folder / "site",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        settings = [part for pair in variables.items() for part in ("-E", "=".join(map(str, pair)))]
        prefix = ("-L", str(self.folder / core.name), "-cpu", core.name)
        return [str(emulator), *prefix, *settings, str(python), "-S", *arguments]


def set_up() -> Machine:
    """The machine of the user's cache, made at the first call: 150 MB, about a minute.

    Raises:
        BadInput: it cannot be made here.
    """
    if not is_set_up():
        debian.check_host()
    return Machine(cache_folder.made_once(_folder(), "setting up emulated ARM", _make))


def is_set_up() -> bool:
    """Whether an earlier call has made the machine, for the versions installed here."""
    return _folder().is_dir()


def _folder() -> pathlib.Path:
    versions = [f"{name}-{importlib.metadata.version(name)}" for name in _WHEELS]
    return cache_folder.folder("arm", "_".join(versions))


def _make(folder: pathlib.Path) -> None:
    host = debian.run(["dpkg", "--print-architecture"]).strip()
    _emulator(folder, host)
    root = folder / "root"
    debian.unpack(_PYTHON, "arm64", root)
    _wheels(_python_version(root), folder / "site")
    for core in cores.CORES:
        _prefix(folder, core)
    _try(Machine(folder))


def _emulator(folder: pathlib.Path, architecture: str) -> None:
    """The static build of qemu; Debian 12 has it under the one name, Debian 13 under the other."""
    unpacked = folder / "qemu"
    try:
        debian.unpack(["qemu-user-static"], architecture, unpacked)
    except errors.BadInput:
        debian.unpack(["qemu-user"], architecture, unpacked)
    programs = [unpacked / "usr" / "bin" / name for name in _EMULATORS]
    next(path for path in programs if path.is_file()).resolve().rename(folder / "emulator")
    shutil.rmtree(unpacked)


def _python_version(root: pathlib.Path) -> str:
    names = [path.name for path in (root / "usr" / "bin").glob("python3.*")]
    return next(name for name in names if re.fullmatch(r"python3\.\d+", name))[6:]


def _wheels(python: str, site: pathlib.Path) -> None:
    """The same versions as here, for the other processor."""
    wheels = site.with_name("wheels")
    platforms = [part for name in _GLIBC_WHEELS for part in ("--platform", name)]
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in _WHEELS]
    debian.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
            *("--no-deps", "--only-binary=:all:", "--python-version", python, *platforms),
            *("--dest", str(wheels), *wanted),
        ]
    )
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shutil.rmtree(wheels)


def _prefix(folder: pathlib.Path, core: cores.Core) -> None:
    """What the emulator shows of the file system: one root, and what each core says of itself."""
    prefix = folder / core.name
    prefix.mkdir()
    for part in (folder / "root").iterdir():
        (prefix / part.name).symlink_to(pathlib.Path("..") / "root" / part.name)
    core.write(prefix)


def _try(machine: Machine) -> None:
    """One run on each core, so that a machine that does not work is not kept."""
    program = "import platform, ai_edge_litert.interpreter; print(platform.machine())"
    for core in cores.CORES:
        done = subprocess.run(
            machine.command(core, "-c", program), capture_output=True, text=True, check=False
        )
        if done.stdout.strip() != "aarch64":
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise errors.BadInput(
                "emulated ARM",
                f"Python does not run on {core.name} ({said[:200]})",
                "Debian 12 and 13 have an emulator that is known to work.",
            )
