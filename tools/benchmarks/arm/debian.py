"""Debian packages of any architecture into a folder, without installing or changing anything.

apt gets a state of its own: its lists, its cache, and a host on which nothing is installed. So it
needs no root, resolves every dependency, checks Debian's signatures, and leaves the system's own
packages and architectures as they are.
"""

import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence

from tfedge import errors

_SECONDS = 600
# Maintainer scripts are not run, so what they need is not needed either.
_LEFT_OUT = ("dpkg_", "tar_")
_REMEDY = "It takes a Debian with apt-get, dpkg-deb and its package mirror."


def unpack(packages: Sequence[str], architecture: str, folder: pathlib.Path) -> None:
    """Downloads packages and all that they depend on, and unpacks them.

    Args:
        packages: by name.
        architecture: Debian's name of it, "arm64" or "amd64".
        folder: gets etc, usr, ...

    Raises:
        BadInput: no apt here, no network, or no such package.
    """
    check_host()
    private = folder.with_name(f"{folder.name}.apt")
    for part in ("state/lists/partial", "cache/archives/partial"):
        (private / part).mkdir(parents=True, exist_ok=True)
    (private / "status").touch()
    options = _options(private, architecture)
    run(["apt-get", *options, "update"])
    run(["apt-get", *options, "--yes", "--download-only", "install", *packages])
    folder.mkdir(exist_ok=True)
    for package in sorted((private / "cache" / "archives").glob("*.deb")):
        if not package.name.startswith(_LEFT_OUT):
            run(["dpkg-deb", "--extract", str(package), str(folder)])
    shutil.rmtree(private)


def check_host() -> None:
    """Refuses a host that has no apt."""
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if sys.platform != "linux" or missing:
        cause = f"no {missing[0]} here" if missing else f"{sys.platform} is not Linux"
        raise errors.BadInput("emulated ARM", f"cannot be set up: {cause}", _REMEDY)


def run(command: Sequence[str]) -> str:
    """The output of a command of the set-up.

    Raises:
        BadInput: it failed; with its last words.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise errors.BadInput("emulated ARM", f"cannot be set up ({e})", _REMEDY) from e
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        wrong = [line for line in said if line.startswith(("E:", "ERROR"))] or said[-1:]
        cause = f"{pathlib.Path(command[0]).name}: {wrong[0] if wrong else done.returncode}"
        raise errors.BadInput("emulated ARM", f"cannot be set up, {cause[:200]}", _REMEDY)
    return done.stdout


def _options(private: pathlib.Path, architecture: str) -> list[str]:
    settings = {
        "Dir::State": private / "state",
        "Dir::State::status": private / "status",
        "Dir::Cache": private / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",  # the folder is the user's, and nobody else may write to it
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "30",
        "APT::Update::Error-Mode": "any",  # a mirror that is not there is said, not passed over
        "Debug::NoLocking": "true",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]
