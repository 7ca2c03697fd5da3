"""Headless Chromium on a profile that stays, ended gently or not at all so."""

import os
import pathlib
import shutil
import signal
import subprocess

from tfedge import errors

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-crash-restore-bubble",
)
_SECONDS = 30


class Browser:
    """One run of it, on one page.

    Args:
        profile: folder of what it keeps; used again, it is the same installation.
        address: of the page.

    Raises:
        BadInput: it is not here.
    """

    def __init__(self, profile: pathlib.Path, address: str):
        if CHROMIUM is None:
            raise errors.BadInput("Chromium", "it is not here", "Install chromium.")
        self._process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # its processes are a group, and end together
        )

    def __enter__(self) -> "Browser":
        """It runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it as a user does."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Ends all of its processes at once, whatever they are at."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_SECONDS)
