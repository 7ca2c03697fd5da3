"""kill -9 at random moments of an update: the old version or the new one, and the next goes on."""

import os
import pathlib
import shutil
import signal
import time
from collections.abc import Iterator

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Asked, Bed, Row

from tfedge.delivery import fetch

_USUAL = 200


def run(asked: Asked) -> Iterator[Row]:
    """So many kills of the client in Python; 200 where there is no number of tries."""
    if "python" not in asked.clients:
        return
    folder, tries = asked.place("kills"), asked.tries or _USUAL
    made, store = Bed(folder, bed.small_models()), folder / "store"
    with made.server() as server:
        client = made.client(server.address, store)
        client.update()
        made.used(client)
        before = shutil.copytree(store, folder / "before")
        made.publish()
        seconds = max(_seconds(made, server.address, store, before) for _ in range(3))
        lost = ended = reached = 0
        for _ in range(tries):
            ended += _killed(client, asked.draw.uniform(0, seconds))
            lost += not _is_whole(made, client)
            if client.store.state().current == 2:
                reached += 1
                _renew(store, before)
        client.update()
        lost += made.used(client) != 2
        left = sorted(path.name for path in (store / "parts").iterdir())
    note = f"{ended} ended before, {reached} times version 2 was reached, {len(left)} parts left"
    yield Row("python: killed at random moments of an update", tries, lost, note)


def _seconds(made: Bed, address: str, store: pathlib.Path, before: pathlib.Path) -> float:
    """Of an update that is left alone."""
    _renew(store, before)
    began = time.monotonic()
    made.client(address, store).update()
    took = time.monotonic() - began
    _renew(store, before)
    return took


def _renew(store: pathlib.Path, before: pathlib.Path) -> None:
    shutil.rmtree(store)
    shutil.copytree(before, store)


def _killed(client: fetch.Client, after: float) -> bool:
    """Whether the update had ended by then."""
    child = os.fork()
    if not child:
        try:
            client.update()
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _is_whole(made: Bed, client: fetch.Client) -> bool:
    """Whether a whole model is used, and the state is its own."""
    used = made.used(client)
    return used == client.store.state().current
