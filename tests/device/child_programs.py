"""What children do in sandbox_test: called by name in a process of their own."""

import os
import signal
import time

import numpy as np


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
