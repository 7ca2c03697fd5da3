"""Puts releases where installed apps fetch them: a signed folder that any web server hands out.

    python pipelines/publish.py keys                       # once: keys and an empty repository
    python pipelines/publish.py add RELEASE --channel=stable --rollout=5%
    python pipelines/publish.py withdraw 3 --channel=stable
    python pipelines/publish.py refresh                    # every day: nothing expires
    python pipelines/publish.py verify
    python pipelines/publish.py serve --faults=drop        # here, to see how an app behaves

A repository is metadata of The Update Framework and models that only the holders of a key can open.
Private keys are behind a passphrase: TFEDGE_PASSPHRASE, --passphrase_fd, or asked for. docs/keys.md
says what to do when a key is lost or stolen. Needs no TensorFlow.

Exit codes: 0 done, 1 bad input or a repository that does not hold, 2 an error of ours.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import importlib
import logging
import pkgutil
import sys
from collections.abc import Sequence
from types import ModuleType

from tfedge_pipelines import entry, positional, publishing

from tfedge import errors, plain_text, settings

_HELP = ("--help", "-help", "-h")


def run() -> None:
    """The `tfedge-publish` command: hands the line to the step that it names first."""
    given, known = sys.argv[1:], steps()
    if not given or given[0] in _HELP:
        entry.tell("\n\n".join([(__doc__ or "").strip(), *map(_about, known)]))
        entry.leave(entry.OK)
    if given[0] not in known:
        remedy = settings.nearest(given[0], known)
        error = errors.BadInput(f"publish {given[0]}", "no such step", remedy)
        sys.stderr.write(f"{plain_text.printable(str(error))}\n")
        sys.exit(entry.BAD_INPUT)
    logging.getLogger("tuf").setLevel(logging.ERROR)  # it warns of signatures that may be missing
    step = _module(given[0])
    sys.argv = [f"publish {given[0]}", *given[1:]]
    entry.run(step.main, step.FLAGS, step.__doc__, positional.named(*step.WORDS))


def steps() -> Sequence[str]:
    """The files of `publishing` that are one, by name."""
    found = (each.name for each in pkgutil.iter_modules(publishing.__path__))
    return [name for name in found if not name.endswith("_flags")]


def _about(name: str) -> str:
    """A step in the help of all."""
    step = _module(name)
    flags = (step.FLAGS[each] for each in step.FLAGS)
    lines = [f"{name}: {(step.__doc__ or '').splitlines()[0]}"]
    lines += [f"  --{flag.name}: {(flag.help or '').splitlines()[0]}" for flag in flags]
    return "\n".join(lines)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{publishing.__name__}.{name}")


if __name__ == "__main__":
    run()
