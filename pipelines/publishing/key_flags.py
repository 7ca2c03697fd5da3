"""The flags that say where the repository and the keys are, and how passphrases come in."""

import getpass
import os
import pathlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from absl import flags

from tfedge import errors

if TYPE_CHECKING:
    from tfedge.delivery.keyring import Keyring

PASSPHRASE, NEW_PASSPHRASE = "TFEDGE_PASSPHRASE", "TFEDGE_NEW_PASSPHRASE"
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
    flags.DEFINE_list(
        "passphrase_fd",
        [],
        "File descriptor to read the passphrase from, or one for each folder of --keys with commas "
        f"between. Default: it is in {PASSPHRASE}, that of the second folder in {PASSPHRASE}_2 if "
        "that is another, and so on; or asked for.",
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
    if not folders:
        raise errors.BadInput("--keys=", "it names no folder", "Write --keys=FOLDER.")
    told = _told(folders, flag_values["passphrase_fd"].value)
    return keyring.Keyring(
        folders, lambda folder: told.get(folder) or _asked(f"Passphrase of {folder}", is_new)
    )


def new_passphrase(flag_values: flags.FlagValues) -> bytes:
    """The one that shall be, from NEW_PASSPHRASE or asked for twice."""
    found = _of_environment(NEW_PASSPHRASE)
    where = flag_values["keys"].value[0]
    return found or _asked(f"New passphrase of {where}", True, NEW_PASSPHRASE)


def _told(folders: list[pathlib.Path], descriptors: list[str]) -> Mapping[pathlib.Path, bytes]:
    """The passphrases from outside, by folder; empty where there is none."""
    if not descriptors:
        given = _of_environment(PASSPHRASE)
        return {
            folder: _of_environment(f"{PASSPHRASE}_{number}") or given
            for number, folder in enumerate(folders, 1)
        }
    where = f"--passphrase_fd={','.join(descriptors)}"
    if not all(each.isdecimal() for each in descriptors):
        raise errors.BadInput(where, "expected file descriptors", "Write --passphrase_fd=3,4.")
    if len(descriptors) not in (1, len(folders)):
        cause = f"{len(descriptors)} file descriptors for {len(folders)} folders of keys"
        raise errors.BadInput(where, cause, "Give one for all, or one for each, in their order.")
    read = {each: _of_descriptor(int(each)) for each in dict.fromkeys(descriptors)}
    each_has = descriptors * (len(folders) // len(descriptors))
    return {folder: read[each] for folder, each in zip(folders, each_has, strict=True)}


def _of_environment(name: str) -> bytes:
    """Whatever bytes they are; the end of a line is none of it, as in a file."""
    return os.fsencode(os.environ.get(name, "")).rstrip(b"\r\n")


def _of_descriptor(descriptor: int) -> bytes:
    where, remedy = f"--passphrase_fd={descriptor}", f"Write {descriptor}< FILE behind the command."
    try:
        with os.fdopen(descriptor, "rb") as file:
            found = file.read(_MOST_BYTES + 1).rstrip(b"\r\n")
    except OSError as error:
        raise errors.BadInput(where, (error.strerror or str(error)).lower(), remedy) from error
    if not 0 < len(found) <= _MOST_BYTES:
        cause = f"expected a passphrase of 1 to {_MOST_BYTES:,} bytes, got {len(found):,}"
        raise errors.BadInput(where, cause, remedy)
    return found


def _asked(what: str, is_new: bool, variable: str = PASSPHRASE) -> bytes:
    if not sys.stdin.isatty():
        how = " or give --passphrase_fd" if variable == PASSPHRASE else ""
        raise errors.BadInput(
            what, "nothing says it, and nobody can be asked", f"Set {variable}{how}."
        )
    given = os.fsencode(getpass.getpass(f"{what}: "))
    if not given or (is_new and os.fsencode(getpass.getpass("Once more: ")) != given):
        raise errors.BadInput(what, "empty, or not the same twice", "Type it again.")
    return given
