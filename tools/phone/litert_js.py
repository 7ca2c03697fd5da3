"""LiteRT.js from npm, in the user's cache: the runtime that the phone's page loads.

Versions and hashes are those of package-lock.json beside this file. Two builds are kept, both
without threads (threads need a page served over https): the one for browsers with relaxed SIMD,
and "compat" for those without, such as Safari.
"""

import json
import pathlib
import shutil
import subprocess

from tfedge_tools import cache_folder

from tfedge import errors

_PINNED = ("package.json", "package-lock.json")
_FILES = {
    "core.js": "core/dist/index.js",
    # Its package.json names an entry whose own imports are not shipped.
    "wasm_utils.js": "wasm-utils/dist/bundle.js",
    "litert_wasm_internal.js": "core/wasm/litert_wasm_internal.js",
    "litert_wasm_internal.wasm": "core/wasm/litert_wasm_internal.wasm",
    "litert_wasm_compat_internal.js": "core/wasm/litert_wasm_compat_internal.js",
    "litert_wasm_compat_internal.wasm": "core/wasm/litert_wasm_compat_internal.wasm",
}
_SECONDS = 300
_REMEDY = (
    "Install Node.js with npm and let it reach its registry once, "
    "or measure with --adb or --import=FILE instead."
)


def version() -> str:
    """Of LiteRT.js, as pinned."""
    pinned = json.loads(pathlib.Path(__file__).with_name("package.json").read_text("utf-8"))
    return pinned["dependencies"]["@litertjs/core"]


def files() -> dict[str, pathlib.Path]:
    """Name on the page -> file; fetched at the first call, 20 MB.

    Raises:
        BadInput: npm is not there, or cannot fetch it.
    """
    folder = cache_folder.made_once(_folder(), f"fetching LiteRT.js {version()}", _install)
    return {name: folder / name for name in _FILES}


def is_fetched() -> bool:
    """Whether an earlier call has fetched it."""
    return _folder().is_dir()


def _folder() -> pathlib.Path:
    return cache_folder.folder("litert_js", version())


def _install(folder: pathlib.Path) -> None:
    for name in _PINNED:
        shutil.copy(pathlib.Path(__file__).with_name(name), folder)
    npm = shutil.which("npm")
    if npm is None:
        raise errors.BadInput("LiteRT.js", "cannot be fetched: no npm here", _REMEDY)
    # `ci` refuses what differs from package-lock.json; no script of a package is run.
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000")  # a minute is its default
    command = [npm, "ci", "--ignore-scripts", *quiet, *patience]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise errors.BadInput("LiteRT.js", f"cannot be fetched ({e})", _REMEDY) from e
    if done.returncode:
        cause = _cause(done.stderr) or f"exit code {done.returncode}"
        raise errors.BadInput("LiteRT.js", f"cannot be fetched, npm: {cause[:200]}", _REMEDY)
    for name, path in _FILES.items():
        (folder / "node_modules" / "@litertjs" / path).rename(folder / name)
    shutil.rmtree(folder / "node_modules")


def _cause(said: str) -> str:
    """The first line of npm's errors that is a sentence."""
    marks = ("code ", "errno ", "syscall ", "type ")
    lines = [line.removeprefix("npm error ") for line in said.splitlines() if "npm error" in line]
    return next((line for line in lines if not line.startswith(marks)), "")
