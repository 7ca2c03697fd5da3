"""The flags that say where the repository and the keys are, and how the passphrase comes in."""

import getpass
import os
import pathlib
import sys
from typing import TYPE_CHECKING

from absl import flags

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.delivery.keyring import Keyring

PASSPHRASE = "TFEDGE_PASSPHRASE"
_MOST_BYTES = 4096


def repository(flag_values: flags.FlagValues) -> None:
    """Defines --repository."""
    said = "Folder of the repository; what is to be served."
    flags.DEFINE_string("repository", "repository", said, flag_values=flag_values)


def keys(flag_values: flags.FlagValues) -> None:
    """Defines --keys and --passphrase_fd."""
    flags.DEFINE_list(
        "keys",
        ["keys"],
        "Folders of private keys, with commas between; new ones go to the first.",
        flag_values=flag_values,
    )
    flags.DEFINE_integer(
        "passphrase_fd",
        None,
        f"File descriptor to read the passphrase from; else it is in {PASSPHRASE}, or asked for.",
        lower_bound=0,
        flag_values=flag_values,
    )


def folder(flag_values: flags.FlagValues) -> pathlib.Path:
    """Of the repository."""
    return pathlib.Path(flag_values["repository"].value).absolute()


def ring(flag_values: flags.FlagValues, *, is_new: bool = False) -> "Keyring":
    """The keys.

    Args:
        flag_values: parsed.
        is_new: whether the passphrase is chosen now, and is asked for twice.
    """
    from tfedge.delivery import keyring

    folders = [pathlib.Path(each).absolute() for each in flag_values["keys"].value]
    told = _told(flag_values["passphrase_fd"].value)
    return keyring.Keyring(folders, lambda folder: told or _asked(folder, is_new))


def _told(descriptor: int | None) -> bytes:
    """The passphrase from outside; empty where there is none."""
    if descriptor is None:
        return os.environ.get(PASSPHRASE, "").encode()
    try:
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_MOST_BYTES).rstrip(b"\r\n")
    except OSError as error:
        where = f"--passphrase_fd={descriptor}"
        remedy = f"Write {descriptor}< FILE behind the command."
        raise errors.BadInput(where, (error.strerror or str(error)).lower(), remedy) from error


def _asked(folder: pathlib.Path, is_new: bool) -> bytes:
    if not sys.stdin.isatty():
        remedy = f"Set {PASSPHRASE}, or give --passphrase_fd."
        raise errors.BadInput(str(folder), "its keys need a passphrase", remedy)
    given = getpass.getpass(f"Passphrase of {folder}: ")
    if not given or (is_new and getpass.getpass("Once more: ") != given):
        raise errors.BadInput("passphrase", "empty, or not the same twice", "Type it again.")
    return given.encode()
