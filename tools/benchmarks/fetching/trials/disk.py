"""The disk refuses the n-th change of a fetch, for every n: it is told, and nothing is lost."""

import hashlib
from collections.abc import Callable, Iterator

from tfedge_tools.benchmarks.fetching import bed
from tfedge_tools.benchmarks.fetching.bed import Asked, Bed, Row
from tfedge_tools.benchmarks.fetching.client import Client


def run(asked: Asked) -> Iterator[Row]:
    """A first fetch, then an update, by each client whose store can be made to fail."""
    for name, module in asked.clients.items():
        if not module.HAS_FAULTS:
            continue
        place = asked.place(f"disk_{name}")
        made = Bed(place, bed.small_models())
        with made.server() as server, module.opened(place, made, server.address) as client:
            yield _row(f"{name}: a change of the store fails, first fetch", asked, made, client)
            client.keep()
            made.publish()
            yield _row(f"{name}: likewise, update", asked, made, client, client.back)


def _row(
    what: str, asked: Asked, made: Bed, client: Client, reset: Callable[[], None] | None = None
) -> Row:
    reset, newest, kept, wrong = reset or client.begin, max(made.contents), 0, 0
    reset()
    with client.failing(0) as calls:
        client.update()
        client.used()
    every = asked.some(range(1, calls.count + 1))
    for number in every:
        reset()
        with client.failing(number):
            ended = client.update()
            used = client.used()
        kept += ended.version != newest
        wrong += used != _is(made, ended.version)
        wrong += client.update().version != newest or client.used() != _is(made, newest)
    note = f"{kept} times what was there before was used until the next update"
    return Row(what, len(every), wrong, note)


def _is(made: Bed, version: int | None) -> tuple[int, str] | None:
    """What is used, where that is a version."""
    if version is None:
        return None
    return version, hashlib.sha256(made.contents[version]).hexdigest()
