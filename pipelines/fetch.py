"""Fetches the model that is meant for this installation, and keeps the last good one.

    python pipelines/fetch.py --repository=https://HOST/FOLDER/ --trust=trust.json --model=ds_cnn
        --store=DIR

It asks for the newest metadata, downloads what is missing (a difference where there is one), and
compares, opens and tries it before anything is switched; interrupted, the same command goes on.
What it may not believe, or cannot get, it names, and the version before stays in use. An app does
the same by tfedge.delivery.fetch. Needs no TensorFlow.

Exit codes: 0 the version that is meant is used, 1 bad input, 2 an error of ours, 3 the one before
is still used, 4 there is none.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import importlib.metadata
import logging as python_logging
import re

from absl import flags, logging
from tfedge_pipelines import entry

from tfedge import errors

_KEPT, _NOTHING = 3, 4
_FLAGS = flags.FlagValues()


def _text(name: str, about: str, default: str | None = None) -> flags.FlagHolder:
    return flags.DEFINE_string(name, default, about, flag_values=_FLAGS)


_REPOSITORY = _text("repository", "Its address, of http or https. Required.")
_TRUST = _text("trust", "The file that the publisher gave with the app. Required.")
_MODEL = _text("model", "Its name in the repository. Required.")
_STORE = _text("store", "A folder for this model, shared by all that use it here. Required.")
_CHANNEL = _text("channel", "Which versions are meant.", "stable")
_APP_VERSION = _text("app_version", "Such as 2.4.1. Default: not known, any version fits.")
_INSTALLATION = _text("installation", "For staged roll-outs. Default: drawn once by the store.")
_OUTPUT = _text("output", "A file that gets the model, opened; default: none, it stays sealed.")
_MOST_BYTES = flags.DEFINE_integer(
    "most_bytes",
    None,
    "That may come over the network; the next run goes on. Default: as many as it takes.",
    lower_bound=1,
    flag_values=_FLAGS,
)


def run() -> None:
    """The `tfedge fetch` command."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Updates the store, and says how that ended; the exit code."""
    for flag in (_REPOSITORY, _TRUST, _MODEL, _STORE):
        if not flag.value:
            raise errors.BadInput(f"--{flag.name}", "missing", "See --help.")
    from tfedge import foreign
    from tfedge.delivery import fetch, trust, writing
    from tfedge.delivery.fetch import told
    from tfedge.delivery.fetch.allowance import Allowance

    python_logging.getLogger("tuf").setLevel(python_logging.ERROR)  # told below, by name
    where = f"--trust={_TRUST.value}"
    client = fetch.Client(
        _REPOSITORY.value,
        trust.read(foreign.read_bytes(_TRUST.value, "Name the publisher's file.", where), where),
        _MODEL.value,
        _STORE.value,
        channel=_CHANNEL.value,
        here=fetch.Here(_APP_VERSION.value or "", _runtime(), _INSTALLATION.value or ""),
    )
    said: set[str] = set()

    def show(progress: told.Progress) -> None:
        if progress.state not in said:
            size = f" of {progress.total:,} bytes" if progress.total else ""
            logging.info("%s%s", progress.state, size)
        said.add(progress.state)

    ended = client.update(Allowance(_MOST_BYTES.value), show)
    entry.tell(str(ended))
    if _OUTPUT.value and ended.version is not None:
        with client.using() as model:
            writing.asked_for(_OUTPUT.value, model.content)
            entry.tell(f"version {model.version} is written to {_OUTPUT.value}")
    return {told.KEPT: _KEPT, told.NOTHING: _NOTHING}.get(ended.outcome, entry.OK)


def _runtime() -> str:
    """The version of LiteRT, as far as it is numbers."""
    found = re.match(r"\d+(\.\d+)*", importlib.metadata.version("ai-edge-litert"))
    return found[0] if found else ""


if __name__ == "__main__":
    run()
