"""Words of a command line that may be written with or without their flags."""

import sys


def named(*names: str) -> list[str]:
    """The command line, in which the first words without a flag have got these flags, in order."""
    waiting = iter(names)
    argv = sys.argv[:1]
    for argument in sys.argv[1:]:
        name = None if argument.startswith("-") else next(waiting, None)
        argv.append(argument if name is None else f"--{name}={argument}")
    return argv
