"""The client in JavaScript, in one Node process, its store in memory."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator

from tfedge_tools.benchmarks.fetching.bed import Bed
from tfedge_tools.benchmarks.fetching.clients import _lines

import tfedge.app
import tfedge.delivery
from tfedge.packing import primer

_NODE = shutil.which("node")
_PROGRAM = pathlib.Path(__file__).with_name("javascript.mjs")
_CLIENT = pathlib.Path(tfedge.delivery.__file__).parent / "browser"
_UNPACK = pathlib.Path(tfedge.app.__file__).parent / "platforms/templates/web/unpack.js"

IN_THIS_PROCESS = False
HAS_FAULTS = True


def missing() -> str:
    """Node.js, where it is."""
    return "" if _NODE else "Node.js is not here"


@contextlib.contextmanager
def opened(folder: pathlib.Path, bed: Bed, address: str) -> Iterator[_lines.Installed]:
    """See `clients`."""
    with process(folder / "node") as running:
        yield _lines.Installed(running, bed, address)


@contextlib.contextmanager
def process(folder: pathlib.Path) -> Iterator[_lines.Process]:
    """Node, which also answers the lines that `javascript.mjs` has for itself."""
    folder.mkdir(exist_ok=True)
    for path in (*_CLIENT.glob("*.js"), _UNPACK, _PROGRAM):
        shutil.copy(path, folder)
    (folder / "primer").write_bytes(primer.stream())
    (folder / "package.json").write_text('{"type": "module"}')
    running = _lines.Process([str(_NODE), _PROGRAM.name], folder)
    try:
        yield running
    finally:
        running.close()
