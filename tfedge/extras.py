"""What is installed only where it is needed: the extras that setup.cfg names.

extras.require("release.py", "compress")  # before anything is read
"""

import importlib.util
import re
import shlex
import sys

from tfedge import errors

IMPORTED_AS = {"pyOpenSSL": "OpenSSL"}  # others by their own name
_REQUIREMENT = re.compile(r"""([\w.-]+).*;.*\bextra\s*==\s*['"](.+?)['"]""")


def require(where: str, extra: str) -> None:
    """Refuses where a package of an extra is missing.

    Args:
        where: the command or flag that needs it.
        extra: its name.

    Raises:
        BadInput: with the command that installs it.
    """
    missing = [name for name in _packages(extra) if not _is_there(name)]
    if missing:
        cause = f"it needs what is not installed here ({', '.join(missing)})"
        raise errors.BadInput(where, cause, f"Run {command(extra)}")


def command(extra: str) -> str:
    """What installs an extra for the Python that runs, also from an editable checkout."""
    return f'{shlex.quote(sys.executable)} -m pip install "tfedge[{extra}]"'


def _packages(extra: str) -> list[str]:
    from importlib import metadata  # as long as the rest of a command's start

    found = map(_REQUIREMENT.match, metadata.requires("tfedge") or ())
    return [each[1] for each in found if each and each[2] == extra]


def _is_there(package: str) -> bool:
    name = IMPORTED_AS.get(package, package.replace("-", "_"))
    return importlib.util.find_spec(name) is not None
