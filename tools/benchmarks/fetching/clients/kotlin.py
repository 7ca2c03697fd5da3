"""The client in Kotlin, in one Java process, its store on the disk."""

import atexit
import contextlib
import functools
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from tfedge_tools.benchmarks.apps import kotlin
from tfedge_tools.benchmarks.fetching.bed import Bed
from tfedge_tools.benchmarks.fetching.clients import _lines

from tfedge.packing import primer

_PROGRAM = pathlib.Path(__file__).with_name("kotlin.kt")
IN_THIS_PROCESS = False
HAS_FAULTS = False


def missing() -> str:
    """A compiler and a Java, where they are."""
    return "" if kotlin.is_here() else "KOTLIN_COMPILER names no compiler, or Java is not here"


@contextlib.contextmanager
def opened(folder: pathlib.Path, bed: Bed, address: str) -> Iterator[_lines.Installed]:
    """See `clients`."""
    place = folder / "java"
    place.mkdir()
    (place / "primer").write_bytes(primer.stream())
    process = _lines.Process(kotlin.running(_classes()), place)
    try:
        yield _lines.Installed(process, bed, address)
    finally:
        process.close()


@functools.cache
def _classes() -> pathlib.Path:
    """Compiled once for this process."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="tfedge-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    shutil.copy(_PROGRAM, place / "Main.kt")
    kotlin.compiled([*kotlin.client(place / "src"), place / "Main.kt"], place / "out", checked=True)
    return place / "out"
