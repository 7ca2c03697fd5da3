"""Keeps the pages that the converter prints, from Python and from C++, off the terminal."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator


class Log:
    """What was captured; complete once the block is left."""

    text: str = ""


@contextlib.contextmanager
def captured() -> Iterator[Log]:
    """Everything written to stdout or stderr inside the block, at file descriptor level.

    with quiet.captured() as log:
        converter.convert()
    logging.debug(log.text)
    """
    log = Log()
    with tempfile.TemporaryFile() as sink:
        try:
            with _redirected(sink.fileno()):
                yield log
        finally:
            sink.seek(0)
            log.text = sink.read().decode(errors="replace")


@contextlib.contextmanager
def _redirected(sink: int) -> Iterator[None]:
    """Points descriptors 1 and 2, and Python's own streams, at `sink`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    stream = open(os.dup(sink), "w", encoding="utf-8", errors="replace")
    try:
        for descriptor in kept:
            os.dup2(sink, descriptor)
        # Python's streams need not write to 1 and 2: notebooks and test runners replace them.
        with (
            stream,
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)
