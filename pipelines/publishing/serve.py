"""Serves a repository on this computer alone, with faults: to see how an app behaves.

    python pipelines/publish.py serve --port=8080
    python pipelines/publish.py serve --port=8080 --faults='drop(at=10000, share=0.3), slow'

Faults spoil answers in the order in which they are written: the first `times` of them (0 for all),
a random `share`, of paths that match `only`, such as "targets/*". Ctrl-C ends it.
"""

from absl import flags
from tfedge_pipelines import entry
from tfedge_pipelines.publishing import key_flags

from tfedge import errors, grammar, settings
from tfedge.delivery import serving

FLAGS = flags.FlagValues()
WORDS = ("repository",)
key_flags.repository(FLAGS)
_PORT = flags.DEFINE_integer(
    "port", 8080, "Of 127.0.0.1; 0 for one that is free.", 0, 65535, flag_values=FLAGS
)


def _faults() -> str:
    """Each with its settings and defaults."""
    common = {each.name for each in settings.of(serving.Fault)}
    told = []
    for name, kind in serving.known_faults().items():
        own = {each.name: each.default for each in settings.of(kind) if each.name not in common}
        about = (kind.__doc__ or "").partition(".")[0]
        told.append(f"{grammar.write(name, own) if own else name}: {about.lower()}")
    return f"What goes wrong. {'; '.join(told)}."


_FAULTS = flags.DEFINE_string("faults", "", _faults(), flag_values=FLAGS)


def main() -> int:
    """Answers until Ctrl-C.

    Raises:
        BadInput: no repository, no such fault, or a port that is taken.
    """
    folder, faults = key_flags.folder(FLAGS), serving.read_faults(_FAULTS.value)
    if not (folder / "metadata").is_dir():
        cause = "it holds no folder metadata"
        raise errors.BadInput(f"--repository={folder}", cause, "Name what publish keys has made.")
    try:
        server = serving.Server(folder, faults, _PORT.value)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise errors.BadInput(f"--port={_PORT.value}", cause, "Name another, or 0.") from error
    entry.tell(f"{server.address} until Ctrl-C")
    server.serve()
    return entry.OK
