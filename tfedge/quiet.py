"""Keeps the pages that TensorFlow prints, from Python and from C++, off the terminal."""

import contextlib
import io
import logging as stdlib_logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from absl import logging

_GREETING = re.compile(
    rb"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:"
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IWE] |To enable the following instructions: "
)


class Log:
    """What was captured; complete once the block is left."""

    text: str = ""


@contextlib.contextmanager
def captured() -> Iterator[Log]:
    """Everything logged, or written to stdout or stderr at descriptor level, inside the block.

    with quiet.captured() as log:
        converter.convert()
    logging.debug(log.text)
    """
    log = Log()
    with tempfile.TemporaryFile() as sink:
        try:
            with _descriptors(sink.fileno()), _streams(sink.fileno()), _logger():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    yield log
        finally:
            sink.seek(0)
            log.text = sink.read().decode(errors="replace")


@contextlib.contextmanager
def without_greetings() -> Iterator[None]:
    """Keeps what TensorFlow says at its start off standard error; the rest is told at the end.

    For code of the user that may import it. Whoever sets TF_CPP_MIN_LOG_LEVEL below 3 wants to
    see it and does.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3") != "3" or "tensorflow" in sys.modules:
        yield
        return
    with tempfile.TemporaryFile() as sink:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            sink.seek(0)
            for line in sink:
                if not _GREETING.match(line):
                    os.write(2, line)


class Once:
    """Inside its blocks, which follow each other, each warning is logged the first time only.

    once = quiet.Once()
    for trial in trials:
        with once:
            train(trial)
    """

    def __init__(self) -> None:
        self._said: set[str] = set()

    def __enter__(self) -> "Once":
        logging.get_absl_logger().addFilter(self._is_new)
        return self

    def __exit__(self, *error: object) -> None:
        logging.get_absl_logger().removeFilter(self._is_new)

    def _is_new(self, record: stdlib_logging.LogRecord) -> bool:
        if record.levelno < stdlib_logging.WARNING:
            return True
        text = record.getMessage()
        is_new = text not in self._said
        self._said.add(text)
        return is_new


@contextlib.contextmanager
def _descriptors(sink: int) -> Iterator[None]:
    """Points descriptors 1 and 2 at `sink`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    try:
        for descriptor in kept:
            os.dup2(sink, descriptor)
        yield
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor)
            os.close(copy)


@contextlib.contextmanager
def _streams(sink: int) -> Iterator[None]:
    """Python's own streams too: notebooks and test runners have others than 1 and 2."""
    out, err = _Stream(sink, sys.stdout), _Stream(sink, sys.stderr)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        out.inside = err.inside = False


@contextlib.contextmanager
def _logger() -> Iterator[None]:
    """What TensorFlow logs by absl, too, whose handlers need not write to a stream."""

    def told(record: stdlib_logging.LogRecord) -> bool:  # a filter of its own: blocks are nested
        sys.stderr.write(f"{record.getMessage()}\n")
        return False

    logger = logging.get_absl_logger()
    logger.addFilter(told)
    try:
        yield
    finally:
        logger.removeFilter(told)


class _Stream(io.TextIOBase):
    """Writes to `sink`, and once the block is left to the stream it stood in for.

    A logging handler that a library makes inside the block holds on to it for good.
    """

    def __init__(self, sink: int, original: Any):
        super().__init__()
        self.inside = True
        self._sink, self._original = sink, original

    def write(self, text: str) -> int:
        if not self.inside:
            return self._original.write(text)
        os.write(self._sink, text.encode(errors="replace"))
        return len(text)

    def flush(self) -> None:
        if not self.inside:
            self._original.flush()

    def writable(self) -> bool:
        return True
