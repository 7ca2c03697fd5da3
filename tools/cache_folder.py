"""Where the tools keep what they fetch once: a folder of the user's, to be deleted at will."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

from absl import logging

from tfedge import errors


def folder(*parts: str) -> pathlib.Path:
    """A folder of the user's cache; not made."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache, "tfedge", *parts)


def made_once(path: pathlib.Path, about: str, make: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder `path`, filled by `make` if it is not there yet.

    Another process that wants the same waits for this one; what was begun and not finished, for
    whatever reason, is not there afterwards.

    Args:
        path: where it is to be.
        about: what to say while it is made.
        make: fills an empty folder, which is then renamed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path.with_name(f"{path.name}.lock")):
            if path.is_dir():
                return path
            logging.info("%s (once, into %s)", about, path)
            aside = pathlib.Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=path.parent))
            try:
                make(aside)
                aside.chmod(0o755)
                aside.rename(path)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except OSError as e:
        cause = (e.strerror or str(e)).lower()
        raise errors.BadInput(
            str(path), f"it cannot be made ({cause})", "Set XDG_CACHE_HOME to a folder with room."
        ) from e
    return path


@contextlib.contextmanager
def _lock(path: pathlib.Path) -> Iterator[None]:
    """Held until left; the kernel lets go of it when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
