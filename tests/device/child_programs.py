"""What children do in sandbox_test: called by name in a process of their own."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np

from tfedge.device.sandbox import confinement


def add_up(place):
    numbers = np.frombuffer(place.examples.read(), np.int64)
    place.ready_to_load()
    place.write_json("sum.json", {"sum": int(numbers.sum())})


def see(place):
    place.ready_to_load()
    place.write_json("seen.json", {"environment": dict(os.environ), "session": os.getsid(0)})


def crash(place):
    place.ready_to_load()
    place.progress.steps = 3
    os.kill(os.getpid(), signal.SIGSEGV)


def abort_without_memory(place):
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def raise_an_error(place):
    raise RuntimeError("failed to\nprepare")


def hang_in_the_model(place):
    place.ready_to_load()
    place.progress.is_busy = True
    place.progress.steps = 1
    time.sleep(60)


def wait_for_data(place):
    place.ready_to_load()
    time.sleep(1.0)


def burn(place):
    place.ready_to_load()
    while True:
        place.progress.steps += 1


def grow(place):
    place.ready_to_load()
    held = []
    while True:
        held.append(np.ones(2**20))
        time.sleep(0.005)


def grow_at_once(place):
    place.ready_to_load()
    np.ones(2**31)


def write_a_lot(place):
    with (place.folder / "output").open("wb") as file:
        file.write(bytes(2**22))


def try_everything(place):
    """What a confined process can still do: "" where it can, else the error."""
    outside = pathlib.Path(place.examples.read().decode())
    (outside / "kept").write_text("mine")
    open_ends = confinement.enter([place.folder])
    place.ready_to_load()
    inner = place.folder / "inner"
    write = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('x')"
    tries = {
        "outside": lambda: (outside / "new").write_text("x"),
        "removing": (outside / "kept").unlink,
        "network": lambda: socket.create_connection(("127.0.0.1", 9), 5),
        "inside": lambda: (place.folder / "new").write_text("x"),
        "moving": lambda: (inner.mkdir(), (place.folder / "new").rename(inner / "new")),
        "devnull": lambda: pathlib.Path(os.devnull).write_text("x"),
        "reading": (outside / "kept").read_text,
    }
    seen = {"open": open_ends, **{name: _error(tried) for name, tried in tries.items()}}
    child = [sys.executable, "-c", write, str(outside / "by_child")]
    done = subprocess.run(child, capture_output=True, text=True, check=False)
    seen["by its child"] = "PermissionError" if "PermissionError" in done.stderr else done.stderr
    place.write_json("tried.json", seen)


def _error(tried):
    try:
        tried()
    except ConnectionRefusedError:
        return "reached"
    except PermissionError:
        return "PermissionError"
    except OSError:
        return "OSError"
    return ""
